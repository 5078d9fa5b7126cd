/* The rules of `leat shadow` (prove/shadow/rules.h). A rule is looked for only where two records
 * differ, so the list costs nothing while they are equal. */
#include "prove/shadow/rules.h"

const leat_shadow_rule leat_shadow_rules[] = {
    {"made", "value.ts_*s", LEAT_SHADOW_ALWAYS,
     "when the connector made the record; each has a clock of its own"},
    {"sequence", "value.source.sequence", LEAT_SHADOW_SEQUENCE,
     "its first member is the last commit that the connector has seen since its start; the second "
     "is compared"},
    {"xmin", "value.source.xmin", LEAT_SHADOW_ALWAYS,
     "asked of the server every xmin.fetch.interval.ms, at another moment by each"},
    {"version", "value.source.version", LEAT_SHADOW_ALWAYS,
     "the version of Debezium; leat shows the one that it is compared with in its tests"},
    {"run", "header.__debezium.context.runId", LEAT_SHADOW_ALWAYS, "a number of this run"},
    {"task", "header.__debezium.context.taskId", LEAT_SHADOW_ALWAYS,
     "a task of the worker there, a process here"},
    {"view", "value.source.ts_*s", LEAT_SHADOW_ROWS,
     "when the snapshot was taken; each takes its own"},
    {"view", "value.source.lsn", LEAT_SHADOW_ROWS, "where the snapshot was taken"},
    {"view", "value.source.txId", LEAT_SHADOW_ROWS, "the transaction that took the snapshot"},
    {"view", "value.source.sequence", LEAT_SHADOW_ROWS, "where the snapshot was taken"},
    {"view", "value.source.file", LEAT_SHADOW_ROWS, "where the snapshot was taken"},
    {"view", "value.source.pos", LEAT_SHADOW_ROWS, "where the snapshot was taken"},
    {"view", "value.source.gtid", LEAT_SHADOW_ROWS, "where the snapshot was taken"},
    {"view", "value.source.snapshot", LEAT_SHADOW_ROWS,
     "first, last and true mark the order of rows, which is each snapshot's own"},
    {"default", "*.schema.*.default", LEAT_SHADOW_KIND,
     "a default that the server computes (now(), random()) is computed anew each time a connector "
     "reads the table's description"},
    {NULL, NULL, LEAT_SHADOW_ALWAYS, NULL},
};

const leat_shadow_skipped leat_shadow_skips[LEAT_SHADOW_SKIPS] = {
    [LEAT_SHADOW_SKIP_HEARTBEAT] = {"heartbeat", "topics of heartbeats",
                                    "each connector's clock makes them"},
    [LEAT_SHADOW_SKIP_NOTIFICATION] = {"notification", "the topic of notification.sink.topic.name",
                                       "they tell of the connector, not of the database"},
    [LEAT_SHADOW_SKIP_SIGNAL] = {"signal", "the topic of signal.data.collection",
                                 "the shadow takes no signals, and writes no watermarks"},
    [LEAT_SHADOW_SKIP_INCREMENTAL] = {"incremental", "rows of incremental snapshots",
                                      "a signal asked Debezium for them"},
    [LEAT_SHADOW_SKIP_ROWS] = {"rows", "rows of snapshots, without --snapshot",
                               "the shadow begins with the stream"},
    [LEAT_SHADOW_SKIP_OTHER] = {"other", "records of another source.name",
                                "their topic's name only begins like this connector's"},
    [LEAT_SHADOW_SKIP_BEFORE] = {"before", "records of transactions before the shadow's slot",
                                 "the shadow cannot know them"},
    [LEAT_SHADOW_SKIP_REPEAT] = {"repeat", "records that Debezium delivered again",
                                 "at least once: a restart repeats"},
    [LEAT_SHADOW_SKIP_AFTER] = {"after", "records behind the place where the shadow was stopped",
                                "the shadow has not read them"},
    [LEAT_SHADOW_SKIP_LETTER] = {"dead letter", "records of changes that are dead letters of leat",
                                 "a value that the record cannot show: Debezium shows another one"},
    [LEAT_SHADOW_SKIP_IDENTITY] = {"identity",
                                   "a delete of a key of zeros and a create, for an update",
                                   "the replica identity is not the table's key: leat makes an "
                                   "update of it"},
    [LEAT_SHADOW_SKIP_UNLOGGED] = {"unlogged", "rows of unlogged tables",
                                   "they are not in the log: leat does not capture them"},
    [LEAT_SHADOW_SKIP_PARTITION] = {"partition",
                                    "rows of partitions that the publication sends by "
                                    "their root",
                                    "Debezium reads them twice: as the root's, too"},
};

bool leat_shadow_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == 0;
}

/* Of ["12","34"]: "34"; all of it if it is no list. */
static leat_str last_member(const leat_json *j)
{
    leat_str rest = j && j->type == LEAT_JSON_STRING ? j->text : (leat_str){0}, last = rest;
    while (rest.s) last = leat_str_cut(&rest, ',');
    return last;
}

static bool counts(leat_shadow_when when, const leat_json *x, const leat_json *y, bool rows)
{
    switch (when) {
    case LEAT_SHADOW_ROWS: return rows;
    case LEAT_SHADOW_SEQUENCE: {
        leat_str p = last_member(x), q = last_member(y);
        return p.s && q.s && leat_str_eq(p, q);
    }
    case LEAT_SHADOW_KIND: return x && y && x->type == y->type && x->type != LEAT_JSON_NULL;
    case LEAT_SHADOW_ALWAYS: break;
    }
    return true;
}

int leat_shadow_rule_find(const char *path, const leat_json *x, const leat_json *y, bool rows)
{
    for (int i = 0; leat_shadow_rules[i].name; i++) {
        const leat_shadow_rule *r = &leat_shadow_rules[i];
        if (leat_shadow_glob(r->path, path) && counts(r->when, x, y, rows)) return i;
    }
    return -1;
}
