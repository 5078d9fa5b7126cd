/* source/mysql/dbzhistory and tabledef: any line is read as one of Debezium's schema history, or
 * refused; what was read is written as a line that is read again, with as many tables. */
#include "fuzz.h"

#include <stdlib.h>

#include "source/mysql/my.h"

static size_t read_line(const leat_my_conf *conf, leat_str line, leat_arena *a,
                        leat_schema_entry **list, leat_rc *rc)
{
    size_t n = 0;
    leat_err e;
    *rc = leat_my_source_history.read(conf, line, a, list, &n, &e);
    if (*rc != LEAT_OK && (n != 0 || !e.code[0])) abort();
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const leat_my_conf conf = {.capture.prefix = "shop"};
    leat_str line = {(const char *)data, size};
    leat_arena a = {0};
    leat_schema_entry *list, *again;
    leat_rc rc;
    size_t n = read_line(&conf, line, &a, &list, &rc);
    for (size_t i = 0; i < n; i++) {
        leat_buf out = {0};
        leat_err e;
        if (!list[i].place.s || !list[i].what.s) abort();
        leat_my_source_history.write(&conf, &list[i], &out);
        if (out.len > 0) read_line(&conf, leat_buf_str(&out), &a, &again, &rc);
        if (out.len > 0 && rc != LEAT_OK) abort();
        if (list[i].def.s &&
            leat_my_source_history.check(list[i].db, list[i].table, list[i].def, &e) == LEAT_FATAL)
            abort();
        leat_buf_free(&out);
    }
    leat_arena_free(&a);
    return 0;
}
