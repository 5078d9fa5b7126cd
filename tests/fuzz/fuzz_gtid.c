/* source/mysql/gtid: any text is a set or refused; what was read is printed, encoded and read
 * again. */
#include "fuzz.h"

#include <stdlib.h>

#include "source/mysql/gtid.h"

static void again(const leat_gtid_set *s)
{
    leat_gtid_set copy = {0};
    leat_buf b = {0};
    leat_gtid_set_print(s, &b);
    if (leat_gtid_set_parse(&copy, leat_buf_str(&b), NULL) != LEAT_OK) abort();
    if (!leat_gtid_set_eq(s, &copy)) abort();
    leat_gtid_set_free(&copy);
    leat_buf_clear(&b);
    leat_gtid_set_encode(s, &b);
    if (leat_gtid_set_decode(&copy, leat_buf_str(&b), NULL) != LEAT_OK) abort();
    if (!leat_gtid_set_eq(s, &copy)) abort();
    leat_gtid_set_subtract(&copy, s);
    if (copy.n != 0 || leat_gtid_set_count(&copy) != 0) abort();
    leat_gtid_set_free(&copy);
    leat_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_str text = {(const char *)data, size};
    leat_gtid_set s = {0}, bin = {0};
    leat_mariadb_gtids m = {0}, n = {0};
    leat_err e;
    if (leat_gtid_set_parse(&s, text, &e) == LEAT_OK)
        again(&s);
    else if (s.n || !leat_str_utf8(leat_str_of(e.msg)))
        abort();
    if (leat_gtid_set_decode(&bin, text, &e) == LEAT_OK) again(&bin);
    if (leat_mariadb_gtids_parse(&m, text, &e) == LEAT_OK) {
        leat_buf b = {0};
        leat_mariadb_gtids_print(&m, &b);
        if (leat_mariadb_gtids_parse(&n, leat_buf_str(&b), NULL) != LEAT_OK) abort();
        if (!leat_mariadb_gtids_eq(&m, &n)) abort();
        leat_buf_free(&b);
    }
    leat_mariadb_gtids_free(&m);
    leat_mariadb_gtids_free(&n);
    leat_gtid_set_free(&s);
    leat_gtid_set_free(&bin);
    return 0;
}
