/* Any bytes as Kafka Connect's JSON: each connector read has a name, and what is written reads the
 * same. Options go through a table too, so that lists, numbers and patterns are read. */
#include "fuzz.h"

#include <stdlib.h>

#include "config/load.h"

typedef struct conf {
    int64_t i, ms, bytes, mode;
    bool b;
    leat_opt_list list;
    leat_opt_many many;
} conf;

static const char *const modes[] = {"initial", "no_data", NULL};
static const leat_opt rows[] = {
    {.name = "i", .type = LEAT_OPT_INT, .off = LEAT_OPT_AT(conf, i, int64_t)},
    {.name = "ms", .type = LEAT_OPT_MS, .off = LEAT_OPT_AT(conf, ms, int64_t)},
    {.name = "bytes", .type = LEAT_OPT_BYTES, .off = LEAT_OPT_AT(conf, bytes, int64_t)},
    {.name = "mode",
     .type = LEAT_OPT_ENUM,
     .off = LEAT_OPT_AT(conf, mode, int64_t),
     .choices = modes},
    {.name = "b", .type = LEAT_OPT_BOOL, .off = LEAT_OPT_AT(conf, b, bool)},
    {.name = "list",
     .type = LEAT_OPT_LIST,
     .flags = LEAT_OPT_REGEX,
     .off = LEAT_OPT_AT(conf, list, leat_opt_list)},
    {.name = "many.*.of.*", .type = LEAT_OPT_MANY, .off = LEAT_OPT_AT(conf, many, leat_opt_many)},
    {0},
};
static const leat_opt *const tables[] = {rows, NULL};

static void check(leat_arena *a, const leat_config *c)
{
    leat_buf text = {0};
    leat_config *again;
    leat_report r;
    conf parsed = {0};
    if (c->name == NULL || *c->name == '\0') abort();
    leat_report_init(&r, a);
    leat_opts_parse(tables, &c->props, true, a, &parsed, &r);
    leat_config_write(c, tables, false, &text);
    if (leat_config_json(a, leat_buf_str(&text), "fuzz", &again, NULL) != LEAT_OK) abort();
    const leat_prop *q = again->props.first;
    for (const leat_prop *p = c->props.first; p; p = p->next, q = q->next)
        if (q == NULL || strcmp(p->name, q->name) != 0 || strcmp(p->value, q->value) != 0) abort();
    if (q || strcmp(c->name, again->name) != 0) abort();
    leat_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_config *c;
    leat_err e;
    if (leat_config_json(&a, (leat_str){(const char *)data, size}, "fuzz", &c, &e) == LEAT_OK)
        for (; c; c = c->next) check(&a, c);
    leat_arena_free(&a);
    return 0;
}
