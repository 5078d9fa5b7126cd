/* The rows of the options about snapshots of tables whose changes are read from a log: Debezium
 * 3.6's names and defaults, and ours. snapshot.mode itself stands in each connector's table. No
 * code here. */
#include "capture/snapshots.h"

#define AT(field, type) .off = LEAT_OPT_AT(leat_capture_conf, field, type)
#define ENUM .type = LEAT_OPT_ENUM
#define INT .type = LEAT_OPT_INT
#define BOOL .type = LEAT_OPT_BOOL
#define MS .type = LEAT_OPT_MS
#define NAMES .type = LEAT_OPT_LIST, .flags = LEAT_OPT_REGEX
#define ADVANCED .flags = LEAT_OPT_ADVANCED
#define SNAPSHOT .group = "Snapshot"

static const char *const new_tables[] = {"off", "parallel", NULL};
static const char *const streamings[] = {"beside", "after", NULL};
static const char *const orders[] = {"disabled", "ascending", "descending", NULL};

/* clang-format off */
const leat_opt leat_capture_snapshot_options[] = {
    {.name = "snapshot.include.collection.list", .label = "Tables of the snapshot",
     .group = "Tables and columns", NAMES, AT(snapshot_include, leat_opt_list),
     .help = "Which of the captured tables are read by a snapshot; all if it is empty. Regular "
             "expressions for schema.table."},
    {.name = "snapshot.delay.ms", .label = "Snapshot delay", .group = "Snapshot", MS, ADVANCED,
     AT(snapshot_delay_ms, int64_t), .def = "0", .min = 0, .max = INT64_C(86400000),
     .help = "How long a start waits before it reads the first row."},
    {.name = "streaming.delay.ms", .label = "Streaming delay", .group = "Snapshot", MS, ADVANCED,
     AT(streaming_delay_ms, int64_t), .def = "0", .min = 0, .max = INT64_C(86400000),
     .help = "How long to wait behind the last row of a snapshot before changes are read, with "
             "snapshot.streaming=after; beside it there is no such moment."},
    {.name = "snapshot.streaming", .label = "Changes during a snapshot", .group = "Snapshot", ENUM,
    AT(snapshot_streaming, int64_t), .def = "beside", .choices = streamings,
    .help = "beside: changes are read from the first moment on, while tables are read in parts by "
            "readers of their own; a change may come before its row, and an interrupted snapshot "
            "goes on where it was. after: all rows first, in Debezium's order and under one view, "
            "then the changes; an interrupted snapshot begins again."},
    {.name = "snapshot.max.threads", .label = "Snapshot readers", .group = "Snapshot", INT,
    AT(snapshot_threads, int64_t), .def = "1", .min = 1, .max = 64,
    .help = "How many parts of tables are read at a time, each on a connection of its own, with "
            "snapshot.streaming=beside, and of incremental snapshots."},
    {.name = "snapshot.hold.ms", .label = "Longest rest of a view", .group = "Snapshot", MS, ADVANCED,
     AT(snapshot_hold_ms, int64_t), .def = "600000", .min = 0, .max = INT64_C(604800000),
     .help = "How long rows may wait on the server while nothing is taken (a pause, a stream without "
             "room), where a whole table or snapshot is read under one view: then the view is let "
             "go, since the server cannot clean up behind it, and what it was of is read again from "
             "its beginning. 0: no bound."},
    {.name = "snapshot.new.tables", .label = "New tables", .group = "Snapshot", ENUM,
     AT(snapshot_new, int64_t), .def = "off", .choices = new_tables,
     .help = "parallel: a table that appears while the connector runs, and is captured, is read by an "
             "incremental snapshot, without a restart; one that the publication lacks once it has it "
             "(with publication.autocreate.mode=filtered it is put there). off: its changes alone."},
    {.name = "snapshot.mode.configuration.based.snapshot.data", .label = "Rows", SNAPSHOT, BOOL,
     ADVANCED, AT(based_data, bool), .def = "false",
     .help = "configuration_based: read all rows, at each start."},
    {.name = "snapshot.mode.configuration.based.start.stream", .label = "Changes", SNAPSHOT, BOOL,
     ADVANCED, AT(based_stream, bool), .def = "false",
     .help = "configuration_based: read changes, behind the rows if there are any."},
    {.name = "snapshot.mode.configuration.based.snapshot.on.data.error",
     .label = "Rows when changes are lost", SNAPSHOT, BOOL, ADVANCED, AT(based_on_error, bool),
     .def = "false",
     .help = "configuration_based: read all rows again where the log, or our place in it, is gone."},
    {.name = "snapshot.tables.order.by.row.count", .label = "Order of tables", SNAPSHOT, ENUM,
     ADVANCED, AT(snapshot_order, int64_t), .def = "disabled", .choices = orders,
     .help = "disabled: as in table.include.list, else by name; ascending and descending: by the "
             "server's estimate of their rows."},
    {.name = "snapshot.select.statement.overrides", .label = "Tables with a select of their own",
     SNAPSHOT, .type = LEAT_OPT_LIST, ADVANCED, AT(overrides, leat_opt_list),
     .help = "Tables (schema.table) of which a snapshot reads the rows of a statement instead of "
             "all. Snapshots that a signal asks for, also those with --blocking, do not: their "
             "conditions say which rows."},
    {.name = "snapshot.select.statement.overrides.*", .label = "Select of a table", SNAPSHOT,
     .type = LEAT_OPT_MANY, ADVANCED, AT(override_texts, leat_opt_many),
     .help = "Statement for the table named behind overrides. It must give the table's columns. With "
             "LIMIT, GROUP BY, DISTINCT or the like it is read in one piece while the stream waits."},
    {0},
};
/* clang-format on */
