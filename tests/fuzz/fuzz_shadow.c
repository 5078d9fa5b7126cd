/* Any bytes as two records for `leat shadow`: each is known by something or refused, they are
 * compared, and a record does not differ from itself.
 *
 * Up to the first 0xff: the one's key; to the second: its value; to the third: the other's key; the
 * rest is its value. */
#include "fuzz.h"

#include <stdlib.h>

#include "prove/shadow/compare.h"

static void found(void *arg, const char *path, const leat_json *leat, const leat_json *debezium)
{
    unsigned *n = arg;
    ++*n;
    leat_shadow_rule_find(path, leat, debezium, *n & 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const leat_shadow_scope scope = {.name = "shop", .rows = true};
    leat_str rest = {(const char *)data, size}, part[4] = {{0}};
    for (size_t i = 0; i < 4 && rest.s; i++)
        part[i] = i < 3 ? leat_str_cut(&rest, (char)0xff) : rest;
    const leat_shadow_text x = {part[0], part[1], LEAT_STR("[]")};
    const leat_shadow_text y = {part[2], part[3], LEAT_STR("[]")};
    leat_arena a = {0};
    leat_err e = {0};
    leat_shadow_id last = {0}, id, again;
    unsigned differences = 0;
    leat_rc rc = leat_shadow_identify(&scope, "t", &x, &last, &a, &id, &e);
    if (rc != LEAT_OK && rc != LEAT_DATA) abort();
    if (rc == LEAT_OK) {
        leat_shadow_identify(&scope, "t", &x, &last, &a, &again, &e);
        if (id.place != again.place || id.key != again.key || id.row != again.row) abort();
    }
    leat_shadow_compare(&x, &x, &a, found, &differences, &e);
    if (differences) abort();
    leat_shadow_compare(&x, &y, &a, found, &differences, &e);
    leat_arena_free(&a);
    return 0;
}
