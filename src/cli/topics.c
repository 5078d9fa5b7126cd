/* leat topics: the topics of a data folder, whose they are, and what they hold; leat topics delete:
 * removes those of connectors that are gone. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/read_kafka.h"
#include "stream/readers.h"
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
        leat_jw_i64(&w, "bytes", t->bytes);
        leat_jw_bool(&w, "connector_exists", t->exists);
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
    printf("%-*s  %-20s %12s %12s %14s\n", width, "TOPIC", "CONNECTOR", "FIRST", "NEXT", "BYTES");
    for (const leat_topic *t = topics; t; t = t->link)
        printf("%-*s  %-20s %12" PRId64 " %12" PRId64 " %14" PRId64 "%s\n", width, t->name,
               t->connector, t->first, t->next, t->bytes, t->exists ? "" : "  (connector deleted)");
}

/* ---- delete ---- */

typedef struct deleting {
    const char *data, *connector; /* connector: all of its topics; NULL: the words */
    const char *const *words;
    int nwords;
    bool yes;
    leat_arena a;
    leat_topic *topics;
} deleting;

static bool is_meant(const deleting *d, const leat_topic *t)
{
    for (int i = 0; i < d->nwords; i++)
        if (strcmp(d->words[i], t->name) == 0) return true;
    return d->connector && strcmp(d->connector, t->connector) == 0;
}

/* All words are topics. */
static leat_rc check_words(deleting *d, leat_err *e)
{
    for (int i = 0; i < d->nwords; i++) {
        const char *owner;
        LEAT_TRY(leat_topics_owner(d->data, d->words[i], &d->a, &owner, e));
    }
    return LEAT_OK;
}

/* Some claim of the connector stays. */
static bool stays(const deleting *d, const char *connector)
{
    for (const leat_topic *t = d->topics; t; t = t->link)
        if (strcmp(t->connector, connector) == 0 && !is_meant(d, t)) return true;
    return false;
}

/* What a person should know before. */
static void explain(const deleting *d)
{
    for (const leat_topic *t = d->topics; t; t = t->link) {
        if (!is_meant(d, t)) continue;
        bool all = !t->exists && !stays(d, t->connector);
        fprintf(stderr, "%s of %s: %" PRId64 " records, about %" PRId64 " bytes%s\n", t->name,
                t->connector, t->next - t->first, t->bytes,
                all || t->exists ? "" : " (they go with the connector's last topic)");
    }
}

static void warn_readers(deleting *d, const char *connector)
{
    char dir[LEAT_PATH_MAX];
    leat_stream_reader *r = NULL;
    leat_behind behind;
    if (leat_segment_folder(d->data, connector, "stream", dir, NULL) != LEAT_OK) return;
    if (leat_readers_list(dir, &d->a, &r, NULL) != LEAT_OK) return;
    for (; r; r = r->next)
        if (leat_readers_behind(dir, r, 0, &behind, NULL) == LEAT_OK &&
            behind.oldest_us != INT64_MIN)
            fprintf(stderr, "the sink %s has not read all of %s\n", r->sink, connector);
}

/* The stream of each connector that has no topic any more. */
static leat_rc remove_streams(deleting *d, leat_err *e)
{
    const char *before = NULL;
    for (const leat_topic *t = d->topics; t; t = t->link) {
        bool again = before && strcmp(before, t->connector) == 0;
        if (!is_meant(d, t) || t->exists || again || stays(d, t->connector)) continue;
        LEAT_TRY(leat_stream_remove(d->data, t->connector, e));
        before = t->connector;
    }
    /* of a call that was cut short */
    bool orphan = d->connector && !before && !stays(d, d->connector);
    return orphan ? leat_stream_remove(d->data, d->connector, e) : LEAT_OK;
}

static leat_rc delete_all(deleting *d, leat_err *e)
{
    for (const leat_topic *t = d->topics; t; t = t->link)
        if (is_meant(d, t)) LEAT_TRY(leat_topics_delete(d->data, t, e));
    return remove_streams(d, e);
}

static int run_delete(deleting *d)
{
    leat_err err = {0};
    int status = LEAT_EXIT_OK;
    leat_rc rc = check_words(d, &err);
    if (rc == LEAT_OK) rc = leat_topics_list(d->data, &d->a, &d->topics, &err);
    if (rc != LEAT_OK) return leat_cli_fail(&err);
    explain(d);
    for (const leat_topic *t = d->topics; t; t = t->link)
        if (is_meant(d, t) && !t->exists && !stays(d, t->connector)) {
            warn_readers(d, t->connector);
            break;
        }
    if (!d->yes &&
        !leat_cli_confirm("topics", "Delete them? What they hold is gone then.", &status))
        return status;
    rc = delete_all(d, &err);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}

static int run_list(const leat_common *common)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_topic *topics = NULL;
    leat_err err = {0};
    leat_rc rc = leat_topics_list(common->data, &a, &topics, &err);
    if (rc == LEAT_OK && common->json) print_json(topics);
    if (rc == LEAT_OK && !common->json) print_table(topics);
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}

int leat_cli_topics(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    deleting d = {0};
    const leat_arg args[] = {
        LEAT_ARG_DATA(common),
        LEAT_ARG_KAFKA(common),
        LEAT_ARG_JSON(common),
        {"connector", LEAT_ARG_TEXT, &d.connector, "NAME", "delete: all topics of a connector"},
        {"yes", LEAT_ARG_FLAG, &d.yes, NULL, "delete: without asking"},
        {0},
    };
    int nwords, status;
    const char **words = leat_zalloc((size_t)argc, sizeof *words);
    if (!leat_cli_parse(argc, argv, args, words, argc, &nwords, &status)) {
        leat_free(words);
        return status;
    }
    bool deletes = nwords > 0 && strcmp(words[0], "delete") == 0;
    d.data = common.data;
    d.words = words + 1;
    d.nwords = nwords - 1;
    leat_arena_init(&d.a, 0);
    if (nwords > 0 && !deletes)
        status = leat_cli_usage(argv[0], "takes delete or nothing; got \"%s\"", words[0]);
    else if (deletes && common.kafka)
        status = leat_cli_usage(argv[0], "topics of Kafka are deleted by its own kafka-topics.sh");
    else if (!deletes && (d.connector || d.yes))
        status = leat_cli_usage(argv[0], "--connector and --yes belong to delete");
    else if (deletes && (d.nwords > 0) == (d.connector != NULL))
        status = leat_cli_usage(argv[0], "delete takes topics, or --connector NAME");
    else
        status = deletes        ? run_delete(&d)
                 : common.kafka ? leat_topics_kafka(&common)
                                : run_list(&common);
    leat_arena_free(&d.a);
    leat_free(words);
    return status;
}
