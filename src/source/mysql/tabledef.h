/* A table's description as text: what the schema history keeps.
 *
 *   {"charset":"utf8mb4","comment":"","primary":true,"key":["id"],"columns":[{"name":"id","type":
 *    "int unsigned","nullable":false,"auto_increment":true, ...}]}
 *
 * The statement that makes it (create) is not in it. Pure; any thread. */
#ifndef LEAT_SOURCE_MYSQL_TABLEDEF_H
#define LEAT_SOURCE_MYSQL_TABLEDEF_H

#include "base/buf.h"
#include "system/mysql/catalog.h"

/* Appends it. Texts that are not UTF-8 (defaults of binary columns) go as hex. */
void leat_my_tabledef_write(const leat_my_table *t, leat_buf *out);
/* Reads it into a; CONF "mysql.tabledef" for what is none. */
leat_rc leat_my_tabledef_read(leat_str text, leat_str db, leat_str name, leat_arena *a,
                              const leat_my_table **out, leat_err *e);

#endif
