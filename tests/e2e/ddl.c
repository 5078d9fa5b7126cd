/* Statements on standard input, each ended by a NUL, become a line of JSON each: what
 * source/mysql/ddl.h says of them. For test_binlog_ddl.py.
 *
 *     ddl DATABASE VERSION FLAGS      the default database, the server's version, LEAT_DDL_* */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "source/mysql/ddl.h"

static void put(leat_str sql, const char *db, uint32_t version, unsigned flags)
{
    leat_arena a = {0};
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_ddl d;
    leat_ddl_read(sql, leat_str_of(db), flags, version, &a, &d);
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "kind", leat_ddl_kind_name(d.kind));
    leat_jw_str(&w, "database", d.database);
    leat_jw_bool(&w, "temporary", d.temporary);
    leat_jw_array(&w, "tables");
    for (uint32_t i = 0; i < d.ntables; i++) {
        const leat_ddl_table *t = &d.tables[i];
        const leat_str names[] = {t->db, t->name, t->new_db, t->new_name};
        for (int k = 0; k < 4; k += 2) {
            if (!names[k + 1].s) continue;
            leat_jw_array(&w, NULL);
            leat_jw_str(&w, NULL, names[k]);
            leat_jw_str(&w, NULL, names[k + 1]);
            leat_jw_end(&w);
        }
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
    printf("%.*s\n", (int)out.len, out.p);
    leat_buf_free(&out);
    leat_arena_free(&a);
}

int main(int argc, char **argv)
{
    leat_buf all = {0};
    char part[4096];
    size_t n;
    if (argc != 4) return 2;
    while ((n = fread(part, 1, sizeof part, stdin)) > 0) leat_buf_put(&all, part, n);
    leat_str rest = leat_buf_str(&all);
    while (rest.len > 0) {
        leat_str sql = leat_str_cut(&rest, '\0');
        put(sql, argv[1], (uint32_t)strtoul(argv[2], NULL, 10),
            (unsigned)strtoul(argv[3], NULL, 10));
    }
    leat_buf_free(&all);
    return 0;
}
