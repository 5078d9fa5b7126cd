/* The OpenAPI document's schemas. */
#include "hub/openapi.h"

#include <stddef.h>

#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define ARRAY(of) "{\"type\":\"array\",\"items\":" of "}"
#define MAP(of) "{\"type\":\"object\",\"additionalProperties\":" of "}"
#define OBJECT(required, properties)                                                               \
    "{\"type\":\"object\",\"required\":[" required "],\"properties\":{" properties "}}"
#define S(name) "\"" name "\":{\"type\":\"string\"}"
#define SN(name) "\"" name "\":{\"type\":\"string\",\"nullable\":true}"
#define I(name) "\"" name "\":{\"type\":\"integer\"}"
#define B(name) "\"" name "\":{\"type\":\"boolean\"}"
#define P(name, schema) "\"" name "\":" schema
#define NAMES ARRAY("{\"type\":\"string\"}")
#define STATE                                                                                      \
    P("state", "{\"type\":\"string\",\"enum\":[\"RUNNING\",\"PAUSED\",\"STOPPED\",\"FAILED\","     \
               "\"RESTARTING\",\"UNASSIGNED\"]}")
#define KIND P("type", "{\"type\":\"string\",\"enum\":[\"source\",\"sink\",\"unknown\"]}")
#define ROW "{\"type\":\"object\",\"nullable\":true}"
#define LETTER                                                                                                                                                                                                                                \
    I("id")                                                                                                                                                                                                                                   \
    "," S("stored") "," I("ts_us") "," S("code") "," S("reason") "," S("where") "," SN("table") "," SN("topic") "," S("position") "," I("size") "," P("state", "{\"type\":\"string\",\"enum\":[\"failed\",\"waits\",\"superseded\"]}") "," B( \
        "retriable") "," I("tries") "," SN("tried") "," P("edit",                                                                                                                                                                             \
                                                          ROW) "," S("bytes_hex") "," S("op") "," P("before",                                                                                                                                 \
                                                                                                    ROW) "," P("after",                                                                                                                       \
                                                                                                               ROW)

const leat_openapi_schema leat_openapi_schemas[] = {
    {"Error", OBJECT("\"error_code\",\"message\"", I("error_code") "," S("message"))},
    {"Message", OBJECT("\"message\"", S("message"))},
    {"Object", "{\"type\":\"object\"}"},
    {"Objects", ARRAY("{\"type\":\"object\"}")},
    {"Names", NAMES},
    {"Statements",
     OBJECT("\"ksql\"", S("ksql") "," P("streamsProperties", "{\"type\":\"object\"}") "," P(
                            "sessionVariables", MAP("{\"type\":\"string\"}")))},
    {"Signal",
     OBJECT("\"type\",\"data\"", S("id") "," S("type") "," P("data", "{\"type\":\"object\"}"))},
    {"Server", OBJECT("\"version\",\"commit\",\"kafka_cluster_id\"",
                      S("version") "," S("commit") "," S("kafka_cluster_id"))},
    {"Health", OBJECT("\"status\",\"message\"", S("status") "," S("message"))},
    {"Config", MAP("{\"type\":\"string\",\"nullable\":true}")},
    {"ConfigPatch", MAP("{\"type\":\"string\",\"nullable\":true}")},
    {"NewConnector",
     OBJECT("\"name\",\"config\"",
            S("name") "," P("config", REF("Config")) "," P(
                "initial_state", "{\"type\":\"string\",\"nullable\":true,\"enum\":[\"RUNNING\","
                                 "\"PAUSED\",\"STOPPED\",null]}"))},
    {"Connector", OBJECT("\"name\",\"config\",\"tasks\",\"type\"",
                         S("name") "," P("config", REF("Config")) "," P(
                             "tasks", ARRAY(OBJECT("\"connector\",\"task\"",
                                                   S("connector") "," I("task")))) "," KIND)},
    {"Connectors", "{\"oneOf\":[" NAMES "," MAP("{\"type\":\"object\"}") "]}"},
    {"TaskStatus", OBJECT("\"id\",\"state\",\"worker_id\"",
                          I("id") "," STATE "," S("worker_id") "," S("trace") "," S("version"))},
    {"ConnectorStatus",
     OBJECT(
         "\"name\",\"connector\",\"tasks\",\"type\"",
         S("name") "," P("connector",
                         OBJECT("\"state\",\"worker_id\"",
                                STATE "," S("worker_id") "," S(
                                    "trace"))) "," P("tasks", ARRAY(REF("TaskStatus"))) "," KIND)},
    {"Tasks",
     ARRAY(OBJECT("\"id\",\"config\"",
                  P("id", OBJECT("\"connector\",\"task\"", S("connector") "," I("task"))) "," P(
                      "config", REF("Config"))))},
    {"ConnectorTopics", MAP(OBJECT("\"topics\"", P("topics", NAMES)))},
    {"Offsets",
     OBJECT("\"offsets\"",
            P("offsets", ARRAY(OBJECT("\"partition\"",
                                      P("partition", "{\"type\":\"object\"}") "," P(
                                          "offset", "{\"type\":\"object\",\"nullable\":true}")))))},
    {"OffsetsPreview", "{\"type\":\"object\",\"properties\":{" P(
                           "offsets", ARRAY("{\"type\":\"object\"}")) "," B("reset") "}}"},
    {"OffsetsPlan",
     OBJECT("\"changes\"", P("changes", ARRAY("{\"type\":\"object\"}")) "," B("first_start"))},
    {"ConnectPlugins",
     ARRAY(OBJECT("\"class\",\"type\",\"version\"", S("class") "," S("type") "," S("version")))},
    {"Validation", OBJECT("\"name\",\"error_count\",\"groups\",\"configs\"",
                          S("name") "," I("error_count") "," P("groups", NAMES) "," P(
                              "configs", ARRAY("{\"type\":\"object\"}")))},
    {"Logger", OBJECT("\"level\"", S("level") "," P("last_modified",
                                                    "{\"type\":\"integer\",\"nullable\":true}"))},
    {"LoggerLevel", OBJECT("\"level\"", P("level", "{\"type\":\"string\",\"enum\":[\"TRACE\","
                                                   "\"DEBUG\",\"INFO\",\"WARN\",\"ERROR\"]}"))},
    {"Counters",
     MAP(OBJECT(
         "\"type\",\"state\",\"pid\",\"appended\",\"delivered\"",
         KIND "," SN(
             "class") "," STATE
                      "," I("tasks") "," I("pid") "," I("received") "," I("appended") "," I("delivered") "," I(
                          "dead") "," I("lag_bytes") "," I("milliseconds_behind_source") "," I("resident_bytes")))},
    {"OverviewRow",
     OBJECT("\"name\",\"type\",\"state\",\"condition\",\"rate\"",
            S("name") "," KIND
                      "," SN("plugin") "," STATE "," S("condition") "," SN("stage") "," SN("trace") "," I(
                          "tasks") "," I("deaths") "," I("pid") "," SN("host") "," SN("database") "," I("events") "," P("rate", "{\"type\":\"number\"}") "," I("dead") "," I("behind_ms") "," I("since_ms") "," I("lag_bytes") "," I("retained_bytes") "," I("retained_limit") "," I("log_left_ms") "," I("log_expires_ms") "," B("log_removed") "," I("spool_bytes") "," I("stream_bytes") "," I("resident_bytes") "," P("snapshot",
                                                                                                                                                                                                                                                                                                                                                                                                                          "{\"type\":\"object\",\"nullable\":true}"))},
    {"Overview",
     OBJECT("\"at_ms\",\"hub\",\"rows\"",
            I("at_ms") "," P("hub", "{\"type\":\"object\"}") "," P(
                "rows",
                ARRAY(REF("OverviewRow"))) "," P("sparks",
                                                 MAP(ARRAY(ARRAY("{\"type\":\"integer\"}")))))},
    {"Log", OBJECT("\"lines\",\"next\"", S("lines") "," I("next"))},
    {"Plugin",
     OBJECT("\"name\",\"type\",\"title\",\"classes\"",
            S("name") "," KIND "," S("title") "," SN("help") "," S("version") "," S("absent") "," P(
                "classes",
                NAMES) "," B("discovers") "," B("splits") "," P("options",
                                                                ARRAY("{\"type\":\"object\"}")))},
    {"Plugins", ARRAY(REF("Plugin"))},
    {"Trial", "{\"type\":\"object\",\"description\":\"A configuration, or the name of a connector "
              "whose stored one is tried; with both, masked secrets are the stored ones. Or a "
              "connection: the name of a saved one, or one with type, strategy and parameters; "
              "config are options beside it then.\","
              "\"properties\":{" S("name") "," P("config", REF("Config")) "," S("strategy") "," P(
                  "connection", "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\"}]}") "}}"},
    {"Check",
     OBJECT(
         "\"ok\",\"failed\",\"warned\",\"problems\",\"steps\"",
         B("ok") "," I("failed") "," I("warned") "," SN("sql") "," SN("undo") "," P(
             "problems",
             ARRAY(OBJECT(
                 "\"warning\",\"message\"",
                 SN("option") "," B("warning") "," S(
                     "message")))) "," P("steps",
                                         ARRAY(OBJECT(
                                             "\"step\",\"state\"",
                                             S("step") "," S("state") "," SN("code") "," SN("detail") "," SN(
                                                 "advice") "," SN("sql") "," SN("undo")))))},
    {"Catalog",
     OBJECT(
         "\"tables\"",
         P("tables", ARRAY(OBJECT("\"name\",\"captured\"",
                                  SN("database") "," SN("schema") "," S("name") "," SN(
                                      "kind") "," I("rows") "," B("captured") "," SN("topic")))))},
    {"Parameters",
     "{\"type\":\"object\",\"additionalProperties\":{\"nullable\":true,\"oneOf\":[{\"type\":"
     "\"string\"},{\"type\":\"number\"},{\"type\":\"boolean\"}]}}"},
    {"NewConnection", OBJECT("\"name\",\"type\"", S("name") "," S("type") "," SN("strategy") "," P(
                                                      "parameters", REF("Parameters")))},
    {"ConnectionPatch", "{\"type\":\"object\",\"properties\":{" SN("strategy") "," P(
                            "parameters", REF("Parameters")) "}}"},
    {"Connection",
     OBJECT("\"name\",\"system\",\"strategy\",\"parameters\",\"used_by\"",
            S("name") "," S("system") "," S("label") "," S("strategy") "," S(
                "strategy_label") "," P("parameters", REF("Config")) "," P("used_by", NAMES))},
    {"AlteredConnection",
     OBJECT("\"connection\"", P("connection", REF("Connection")) "," P(
                                  "restart_needed", NAMES) "," P("restarted", NAMES))},
    {"System",
     OBJECT("\"name\",\"label\",\"default_strategy\",\"strategies\",\"parameters\"",
            S("name") "," S("label") "," S("help") "," S("default_strategy") "," P(
                "strategies", ARRAY("{\"type\":\"object\"}")) "," P("parameters",
                                                                    ARRAY("{\"type\":"
                                                                          "\"object\"}")))},
    {"Systems", ARRAY(REF("System"))},
    {"Connections",
     ARRAY(OBJECT(
         "\"name\",\"system\"",
         SN("name") "," SN("system") "," SN("strategy") "," SN("host") "," SN("port") "," SN("database") "," SN(
             "user") "," P("parameters",
                           REF("Config")) "," P("used_by",
                                                NAMES) "," P("connectors",
                                                             ARRAY(OBJECT(
                                                                 "\"name\",\"type\",\"state\"",
                                                                 S("name") "," KIND "," STATE)))))},
    {"Versions",
     ARRAY(OBJECT("\"version\",\"at\",\"config\"",
                  I("version") "," S("at") "," SN("who") "," P("config", REF("Config"))))},
    {"NewGrant", OBJECT("\"kind\",\"name\",\"role\"",
                        S("kind") "," S("name") "," S("role") "," S("password") "," P(
                            "days", "{\"type\":\"integer\",\"nullable\":true}"))},
    {"Grant", OBJECT("\"kind\",\"name\",\"role\",\"made\",\"ended\"",
                     S("kind") "," S("name") "," S("role") "," S("made") "," SN("until") "," B(
                         "ended") "," S("token"))},
    {"Grants", ARRAY(REF("Grant"))},
    {"Why",
     OBJECT("\"name\",\"state\",\"why\"", S("name") "," S("state") "," SN("stage") "," S("why"))},
    {"Tables", OBJECT("\"name\",\"tables\"",
                      S("name") "," SN("kind") "," P(
                          "tables", ARRAY(OBJECT("\"counts\"",
                                                 SN("table") "," SN("topic") "," P(
                                                     "counts", MAP("{\"type\":\"integer\"}"))))))},
    {"History", OBJECT("\"name\",\"every_seconds\",\"columns\",\"points\"",
                       S("name") "," I("every_seconds") "," P("columns", NAMES) "," P(
                           "points", ARRAY(ARRAY("{\"type\":\"integer\"}"))))},
    {"Upgrade",
     OBJECT(
         "\"state\",\"version\",\"connectors\",\"restarted\"",
         S("state") "," S("version") "," SN("begun") "," I("begun_us") "," SN("ended") "," I("connectors") "," SN(
             "current") "," SN("code") "," SN("where") "," SN("message") "," P("restarted",
                                                                               ARRAY(OBJECT(
                                                                                   "\"name\",\"milliseconds\"",
                                                                                   S("name") "," I(
                                                                                       "milliseconds")))))},
    {"DeadLetter", OBJECT("\"id\",\"stored\",\"code\",\"reason\",\"size\"", LETTER)},
    {"DeadLetters", ARRAY(REF("DeadLetter"))},
    {"DeadLetterEdit", OBJECT("\"after\"", P("after", ROW))},
    {"DeadLetterChoice",
     "{\"type\":\"object\",\"properties\":{" P("ids", ARRAY("{\"type\":\"integer\",\"minimum\":1}")) "," B(
         "all") "," S("table") "," S("topic") "," S("code") "}}"},
    {"DeadLettersTried",
     OBJECT("\"retried\",\"failed\",\"letters\"",
            I("retried") "," I("failed") "," P(
                "letters", ARRAY(OBJECT("\"id\",\"ok\"",
                                        I("id") "," B("ok") "," SN("code") "," SN("reason")))))},
    {"DeadLettersDropped", OBJECT("\"dropped\"", I("dropped"))},
    {"NewVerification", "{\"type\":\"object\",\"properties\":{" P("tables", NAMES) "," I(
                            "load") "," I("wait") "," I("seconds") "," B("repair") "}}"},
    {"Verification",
     OBJECT(
         "\"running\",\"begun\",\"ended\",\"tables\",\"differences\"",
         B("running") "," SN("begun") "," SN("ended") "," B("repair") "," I("load") "," P("progress", ROW) "," P(
             "tables",
             ARRAY(
                 "{\"type\":\"object\"}")) "," P("differences",
                                                 ARRAY(
                                                     "{\"type\":\"object\"}")) "," P("result",
                                                                                     ROW) "," P("error",
                                                                                                ROW))},
    {"DemoDeed",
     "{\"type\":\"object\",\"properties\":{" P(
         "do",
         "{\"type\":\"string\",\"enum\":[\"kill\",\"drop-slot\",\"poison\",\"right\"]}") "," I("rate") "}}"},
    {"Demo",
     OBJECT("\"source\",\"sink\",\"rate\",\"incidents\"",
            S("source") "," S("sink") "," I("rate") "," I("rate_most") "," P(
                "incidents", ARRAY(OBJECT("\"id\",\"what\",\"open\",\"lines\"",
                                          I("id") "," S("what") "," B("open") "," P(
                                              "lines", ARRAY(OBJECT("\"at\",\"text\"",
                                                                    S("at") "," S("text"))))))))},
    {"Topic", OBJECT("\"topic\",\"connector\",\"first_offset\",\"next_offset\"",
                     S("topic") "," S("connector") "," I("partitions") "," I("first_offset") "," I(
                         "next_offset") "," I("bytes") "," B("connector_exists"))},
    {"Topics", ARRAY(REF("Topic"))},
    {"Streams", ARRAY(OBJECT("\"connector\",\"topics\",\"records\",\"bytes\",\"readers\"",
                             S("connector") "," B("connector_exists") "," P("topics", NAMES) "," I(
                                 "records") "," I("bytes") "," P("readers", NAMES)))},
    {"Query", OBJECT("\"sql\"", S("sql") "," I("max_rows") "," I("timeout_ms"))},
    {"Answer", OBJECT("\"columns\",\"rows\",\"more\",\"events\",\"ms\"",
                      P("columns", NAMES) "," P("rows", ARRAY(ARRAY("{}"))) "," B("more") "," I(
                          "events") "," I("ms"))},
    {"Events",
     OBJECT("\"topic\",\"connector\",\"events\",\"next_offset\",\"at_end\"",
            S("topic") "," S("connector") "," P("events", ARRAY("{\"type\":\"object\"}")) "," I(
                "next_offset") "," B("at_end"))},
    {NULL, NULL},
};
