/* Connectors of .sql files, for commands that run or check files without a hub. */
#ifndef LEAT_SQL_FILE_H
#define LEAT_SQL_FILE_H

#include "config/open.h"

/* As leat_open_file; a file whose name ends in .sql holds statements: its CREATE ... CONNECTOR are
 * the connectors, DEFINE, UNDEFINE, SET and UNSET may stand between them. CONF "config.syntax" with
 * file and line, "config.sql" for a statement that needs a hub, "config.name" for a name that is
 * there twice. */
leat_rc leat_sql_open_file(leat_arena *a, leat_open *o, const char *path, leat_config **out,
                           leat_err *e);
/* The same of a text; name is the file's, for messages. */
leat_rc leat_sql_configs(leat_arena *a, leat_str text, const char *name, leat_config **out,
                         leat_err *e);

#endif
