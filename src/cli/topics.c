/* leat topics: the topics of a data folder, whose they are, and what they hold. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"
#include "stream/stream.h"

static void print_json(const leat_topic *topics)
{
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_jw_array(&w, NULL);
    for (const leat_topic *t = topics; t; t = t->link) {
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "topic", t->name);
        leat_jw_z(&w, "connector", t->connector);
        leat_jw_i64(&w, "partitions", 1);
        leat_jw_i64(&w, "first_offset", t->first);
        leat_jw_i64(&w, "next_offset", t->next);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    printf("%.*s\n", (int)out.len, out.p);
    leat_buf_free(&out);
}

static void print_table(const leat_topic *topics)
{
    int width = 5;
    for (const leat_topic *t = topics; t; t = t->link)
        if ((int)strlen(t->name) > width) width = (int)strlen(t->name);
    printf("%-*s  %-20s %12s %12s\n", width, "TOPIC", "CONNECTOR", "FIRST", "NEXT");
    for (const leat_topic *t = topics; t; t = t->link)
        printf("%-*s  %-20s %12" PRId64 " %12" PRId64 "\n", width, t->name, t->connector, t->first,
               t->next);
}

int leat_cli_topics(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), LEAT_ARG_JSON(common), {0}};
    const char *words[64];
    int nwords, status;
    if (argc > 64) return leat_cli_usage(argv[0], "too many words");
    if (!leat_cli_parse(argc, argv, args, words, &nwords, &status)) return status;
    if (nwords > 0) return leat_cli_usage(argv[0], "takes no name; got \"%s\"", words[0]);
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_topic *topics = NULL;
    leat_err err = {0};
    leat_rc rc = leat_topics_list(common.data, &a, &topics, &err);
    if (rc == LEAT_OK && common.json) print_json(topics);
    if (rc == LEAT_OK && !common.json) print_table(topics);
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
