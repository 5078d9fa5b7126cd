/* The OpenAPI document's table of routes. */
#include "hub/openapi.h"

#include <stddef.h>

#define TEXT "{\"type\":\"string\"}"
#define FLAG "{\"type\":\"boolean\"}"
#define COUNT "{\"type\":\"integer\",\"minimum\":1}"

static const leat_openapi_query expand[] = {
    {"expand",
     "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"status\",\"info\"]}}",
     "All about each instead of names alone."},
    {NULL, NULL, NULL}};
static const leat_openapi_query restart[] = {{"includeTasks", FLAG, "Answer with the status."},
                                             {"onlyFailed", FLAG, "Only if it has failed."},
                                             {NULL, NULL, NULL}};
static const leat_openapi_query plugins[] = {{"connectorsOnly", FLAG, "false: converters too."},
                                             {NULL, NULL, NULL}};
static const leat_openapi_query scope[] = {
    {"scope", "{\"type\":\"string\",\"enum\":[\"worker\",\"cluster\"]}", "cluster: answers 204."},
    {NULL, NULL, NULL}};
static const leat_openapi_query events[] = {
    {"from", TEXT, "beginning (default), end, an offset or a time (ISO 8601)."},
    {"max", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000}",
     "Of a list: at most so many records (100)."},
    {"contains", TEXT, "Only records whose JSON contains this text."},
    {"op", TEXT, "Only these operations, by letter: c, u, d, r, t, m; crud for several."},
    {"schemas", FLAG, "Keys and values with their schemas."},
    {NULL, NULL, NULL}};
static const leat_openapi_query letters[] = {
    {"after", "{\"type\":\"integer\",\"minimum\":0}", "Those with a larger id."},
    {"max", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}", "At most so many (100)."},
    {NULL, NULL, NULL}};
static const leat_openapi_query audit[] = {
    {"before", "{\"type\":\"integer\",\"minimum\":1}", "Those with a smaller id."},
    {"limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}", "At most so many."},
    {NULL, NULL, NULL}};
static const leat_openapi_query history[] = {
    {"seconds", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":86400}", "How far back (a day)."},
    {"step", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":86400}",
     "At most one point in so many seconds."},
    {NULL, NULL, NULL}};

static const leat_openapi_query deletion[] = {
    {"drop_spool", FLAG, "Also where Kafka has not taken yet what its spool holds: that is lost."},
    {"forget", FLAG, "Also what it made on the server (its slot), and its position."},
    {NULL, NULL, NULL}};

/* method, path, summary, query, body, answer, status, also, type, events */
const leat_openapi_row leat_openapi_rows[] = {
    {"GET", "/", "Versions and the id of this hub", NULL, NULL, "Server", 200, 0, NULL, NULL},
    {"GET", "/health", "Whether it serves", NULL, NULL, "Health", 200, 0, NULL, NULL},
    {"GET", "/connectors", "Connectors", expand, NULL, "Connectors", 200, 0, NULL, NULL},
    {"POST", "/connectors", "Make a connector", NULL, "NewConnector", "Connector", 201, 0, NULL,
     NULL},
    {"GET", "/connectors/*", "A connector", NULL, NULL, "Connector", 200, 0, NULL, NULL},
    {"DELETE", "/connectors/*", "Delete it; topics, position and slot stay", deletion, NULL, NULL,
     204, 0, NULL, NULL},
    {"GET", "/connectors/*/config", "Its configuration, secrets masked", NULL, NULL, "Config", 200,
     0, NULL, NULL},
    {"PUT", "/connectors/*/config", "Make it, or replace its configuration", NULL, "Config",
     "Connector", 200, 201, NULL, NULL},
    {"PATCH", "/connectors/*/config", "Change options; null takes one out", NULL, "ConfigPatch",
     "Connector", 200, 0, NULL, NULL},
    {"GET", "/connectors/*/status", "Its state, as Kafka Connect tells it", NULL, NULL,
     "ConnectorStatus", 200, 0, NULL, NULL},
    {"PUT", "/connectors/*/pause", "Pause it", NULL, NULL, NULL, 202, 0, NULL, NULL},
    {"PUT", "/connectors/*/resume", "Let it go on", NULL, NULL, NULL, 202, 0, NULL, NULL},
    {"PUT", "/connectors/*/stop", "End its process", NULL, NULL, NULL, 204, 0, NULL, NULL},
    {"POST", "/connectors/*/restart", "Start it again", restart, NULL, "ConnectorStatus", 202, 204,
     NULL, NULL},
    {"GET", "/connectors/*/tasks", "Its tasks", NULL, NULL, "Tasks", 200, 0, NULL, NULL},
    {"GET", "/connectors/*/tasks/*/status", "The state of a task", NULL, NULL, "TaskStatus", 200, 0,
     NULL, NULL},
    {"POST", "/connectors/*/tasks/*/restart", "Start it again, whole", NULL, NULL, NULL, 204, 0,
     NULL, NULL},
    {"GET", "/connectors/*/topics", "Topics it has claimed, or reads", NULL, NULL,
     "ConnectorTopics", 200, 0, NULL, NULL},
    {"PUT", "/connectors/*/topics/reset", "Accepted; claims are not forgotten", NULL, NULL, NULL,
     202, 0, NULL, NULL},
    {"GET", "/connectors/*/offsets", "What it has reached", NULL, NULL, "Offsets", 200, 0, NULL,
     NULL},
    {"PATCH", "/connectors/*/offsets", "Alter the offsets of a stopped one", NULL, "Offsets",
     "Message", 200, 0, NULL, NULL},
    {"DELETE", "/connectors/*/offsets", "Reset the offsets of a stopped one", NULL, NULL, "Message",
     200, 0, NULL, NULL},
    {"GET", "/connector-plugins", "Plugins, as Kafka Connect lists them", plugins, NULL,
     "ConnectPlugins", 200, 0, NULL, NULL},
    {"GET", "/connector-plugins/*/config", "Options of a plugin", NULL, NULL, "Objects", 200, 0,
     NULL, NULL},
    {"PUT", "/connector-plugins/*/config/validate", "Validate a configuration", NULL, "Config",
     "Validation", 200, 0, NULL, NULL},
    {"GET", "/admin/loggers", "Log levels that were set", NULL, NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/admin/loggers/*", "A log level", NULL, NULL, "Logger", 200, 0, NULL, NULL},
    {"PUT", "/admin/loggers/*", "Set a log level", scope, "LoggerLevel", "Names", 200, 204, NULL,
     NULL},
    {"GET", "/metrics", "Metrics for Prometheus", NULL, NULL, NULL, 200, 0, "text/plain", NULL},
    {"GET", "/ui", "The page", NULL, NULL, NULL, 200, 0, "text/html", NULL},
    {"POST", "/ksql", "Statements of SQL, as ksqlDB takes them", NULL, "Statements", "Objects", 200,
     0, NULL, NULL},
    {"GET", "/info", "What ksqlDB's clients ask first", NULL, NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/healthcheck", "Whether it serves, as ksqlDB tells it", NULL, NULL, "Object", 200, 0,
     NULL, NULL},
    {"GET", "/hub/v1/openapi.json", "This document", NULL, NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/counters", "State and counters of all connectors", NULL, NULL, "Counters", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/audit", "Who changed what, and what was refused", audit, NULL, "Object", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/who", "Who asks, and their role", NULL, NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/plugins", "Connectors of this build", NULL, NULL, "Plugins", 200, 0, NULL,
     NULL},
    {"GET", "/hub/v1/plugins/*", "One of them, with its form", NULL, NULL, "Plugin", 200, 0, NULL,
     NULL},
    {"POST", "/hub/v1/checks", "Try a configuration on the real system, step by step", NULL,
     "Trial", "Check", 200, 0, NULL,
     "`step` ({step, state, code, detail, advice, sql, undo}), `problem` ({option, warning, "
     "message}), at the end `done` ({ok, failed, warned})"},
    {"POST", "/hub/v1/discover", "What could be captured", NULL, "Trial", "Catalog", 200, 0, NULL,
     NULL},
    {"GET", "/hub/v1/connections", "Systems, and the connectors of each", NULL, NULL, "Connections",
     200, 0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/status", "All it tells of itself: `leat status --json`", NULL,
     NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/why", "Which stage holds it up: `leat why`", NULL, NULL, "Why",
     200, 0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/history", "A day of its counters", history, NULL, "History", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/dead-letters", "Changes it could not handle", letters, NULL,
     "DeadLetters", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/dead-letters/*", "One of them, with its bytes", NULL, NULL,
     "DeadLetter", 200, 0, NULL, NULL},
    {"POST", "/hub/v1/connectors/*/signals", "Have it read tables again: Debezium's signals", NULL,
     "Signal", "Object", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/upgrade", "How far the last upgrade is", NULL, NULL, "Upgrade", 200, 0, NULL,
     NULL},
    {"POST", "/hub/v1/upgrade", "Become the program that lies there now; restart one by one", NULL,
     NULL, "Upgrade", 202, 0, NULL, NULL},
    {"GET", "/hub/v1/streams", "Streams, with their topics and readers", NULL, NULL, "Streams", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/topics", "Topics", NULL, NULL, "Topics", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/topics/*/events", "Events of a topic", events, NULL, "Events", 200, 0, NULL,
     "`event`, whose id is its offset: a client that was cut off goes on behind Last-Event-ID; "
     "`failed` ({code, message})"},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
