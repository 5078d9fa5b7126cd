/* Which local files and programs a configuration may name, in options that are paths, in URLs of
 * databases (config/db_url.h) and in ${file:..} and ${dir:..}.
 *
 * A process that is given configurations by others, the hub, restricts them to what lies below one
 * folder, or to none; otherwise every file goes. Links are followed first: what counts is where a
 * path ends. What the hub itself keeps in its data folder is never one of them, unless the one
 * folder is in there. */
#ifndef LEAT_CONFIG_FILES_H
#define LEAT_CONFIG_FILES_H

#include "base/arena.h"
#include "base/err.h"

/* From now on, for the whole process. root: NULL: no file at all. data: the process's own folder,
 * which may not be there yet; borrowed. code: programs may be named. CONF "config.files" when root
 * is no folder. Called before there are threads. */
leat_rc leat_files_restrict(const char *root, const char *data, bool code, leat_err *e);
/* What is wrong with naming this file, in a; NULL: nothing. */
const char *leat_files_wrong(const char *path, leat_arena *a);
/* The same with naming a program. */
const char *leat_files_code_wrong(void);

#endif
