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
static const leat_openapi_query follow[] = {
    {"follow", "{\"type\":\"array\",\"maxItems\":64,\"items\":{\"type\":\"string\"}}",
     "Once for each topic: {\"id\":\"1\",\"topic\":\"t\"} as JSON, and from, contains, op as of one."},
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

static const leat_openapi_query overview[] = {
    {"sparks", FLAG, "With the last hour of each one's events."}, {NULL, NULL, NULL}};
static const leat_openapi_query log_lines[] = {
    {"since", "{\"type\":\"integer\",\"minimum\":0}",
     "Lines from this number on, which the answer before told (0: the last 200)."},
    {NULL, NULL, NULL}};

static const leat_openapi_query deletion[] = {
    {"drop_spool", FLAG, "Also where Kafka has not taken yet what its spool holds: that is lost."},
    {"forget", FLAG, "Also what it made on the server (its slot), and its position."},
    {NULL, NULL, NULL}};

static const leat_openapi_query untested[] = {
    {"test", "{\"type\":\"boolean\"}", "false: it is saved without being tried"},
    {NULL, NULL, NULL},
};

static const leat_openapi_query templates[] = {
    {"format", "{\"type\":\"string\",\"enum\":[\"properties\",\"json\",\"sql\"]}",
     "Of the file (properties)."},
    {"connection", "{\"type\":\"string\"}", "A saved connection that it is to use."},
    {NULL, NULL, NULL},
};

static const leat_openapi_query altered[] = {
    {"test", "{\"type\":\"boolean\"}", "false: it is saved without being tried"},
    {"restart", "{\"type\":\"boolean\"}", "true: connectors that use it and run are restarted"},
    {NULL, NULL, NULL},
};

static const leat_openapi_query catalogue[] = {
    {"absent", FLAG, "Also those that are not in this build, with the reason as `absent`."},
    {NULL, NULL, NULL},
};

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
    {"GET", "/docs", "The documentation", NULL, NULL, NULL, 303, 0, NULL, NULL},
    {"GET", "/docs/**", "A page of the documentation, or one of its files", NULL, NULL, NULL, 200,
     0, "text/html", NULL},
    {"GET", "/ui", "The page", NULL, NULL, NULL, 200, 0, "text/html", NULL},
    {"GET", "/ui/**", "A place in the page, or one of its files", NULL, NULL, NULL, 200, 0,
     "text/html", NULL},
    {"POST", "/ksql", "Statements of SQL, as ksqlDB takes them", NULL, "Statements", "Objects", 200,
     0, NULL, NULL},
    {"GET", "/info", "What ksqlDB's clients ask first", NULL, NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/healthcheck", "Whether it serves, as ksqlDB tells it", NULL, NULL, "Object", 200, 0,
     NULL, NULL},
    {"GET", "/hub/v1/openapi.json", "This document", NULL, NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/counters", "State and counters of all connectors", NULL, NULL, "Counters", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/versions", "Its configurations, newest first, secrets masked",
     NULL, NULL, "Versions", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/access", "Tokens and users", NULL, NULL, "Grants", 200, 0, NULL, NULL},
    {"POST", "/hub/v1/access", "Make a token or a user, for who logged in", NULL, "NewGrant",
     "Grant", 201, 0, NULL, NULL},
    {"DELETE", "/hub/v1/access/*/*", "End a token or a user, by kind and name", NULL, NULL, NULL,
     204, 0, NULL, NULL},
    {"GET", "/hub/v1/about", "This hub: version, address, data folder", NULL, NULL, "Object", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/audit", "Who changed what, and what was refused", audit, NULL, "Object", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/who", "Who asks, and their role", NULL, NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/plugins", "Connectors of this build", catalogue, NULL, "Plugins", 200, 0, NULL,
     NULL},
    {"GET", "/hub/v1/plugins/*", "One of them, with its form", NULL, NULL, "Plugin", 200, 0, NULL,
     NULL},
    {"GET", "/hub/v1/plugins/*/template", "An almost ready configuration", templates, NULL, NULL,
     200, 0, "text/plain", NULL},
    {"POST", "/hub/v1/checks", "Try a configuration on the real system, step by step", NULL,
     "Trial", "Check", 200, 0, NULL,
     "`step` ({step, state, code, detail, advice, sql, undo}), `problem` ({option, warning, "
     "message}), at the end `done` ({ok, failed, warned, sql, undo})"},
    {"POST", "/hub/v1/discover", "What could be captured", NULL, "Trial", "Catalog", 200, 0, NULL,
     NULL},
    {"GET", "/hub/v1/systems", "Systems that connections lead to, with parameters and strategies",
     NULL, NULL, "Systems", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/systems/*", "One of them", NULL, NULL, "System", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/connections",
     "Saved connections, then what connectors are connected to without one", NULL, NULL,
     "Connections", 200, 0, NULL, NULL},
    {"POST", "/hub/v1/connections", "Try a new connection and save it", untested, "NewConnection",
     "Connection", 201, 0, NULL, NULL},
    {"GET", "/hub/v1/connections/*", "A saved connection, its secrets masked", NULL, NULL,
     "Connection", 200, 0, NULL, NULL},
    {"PATCH", "/hub/v1/connections/*", "Change parameters; null takes one out", altered,
     "ConnectionPatch", "AlteredConnection", 200, 0, NULL, NULL},
    {"DELETE", "/hub/v1/connections/*", "Drop one that no connector uses", NULL, NULL, NULL, 204, 0,
     NULL, NULL},
    {"GET", "/hub/v1/connectors/*/status", "All it tells of itself: `leat status --json`", NULL,
     NULL, "Object", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/overview", "State, rates and lag of all connectors, as the page lists them",
     overview, NULL, "Overview", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/stream", "The same as an event stream, as they change", NULL, NULL, NULL, 200,
     0, "text/event-stream",
     "`overview` ({at_ms, whole, hub, rows}): rows that changed, or, whole, all there are; one at "
     "least every two seconds"},
    {"GET", "/hub/v1/connectors/*/log", "What it said last", log_lines, NULL, "Log", 200, 0, NULL,
     NULL},
    {"POST", "/hub/v1/connectors/*/offsets/preview",
     "What other offsets, or none, would bring about", NULL, "OffsetsPreview", "OffsetsPlan", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/tables", "Its ledger table by table: `leat status --tables`",
     NULL, NULL, "Tables", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/why", "Which stage holds it up: `leat why`", NULL, NULL, "Why",
     200, 0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/history", "A day of its counters", history, NULL, "History", 200,
     0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/dead-letters", "Changes it could not handle", letters, NULL,
     "DeadLetters", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/dead-letters/*", "One of them, with its bytes", NULL, NULL,
     "DeadLetter", 200, 0, NULL, NULL},
    {"PATCH", "/hub/v1/connectors/*/dead-letters/*",
     "Columns that its row is to have otherwise, once it is tried again; null: as it came", NULL,
     "DeadLetterEdit", "DeadLetter", 200, 0, NULL, NULL},
    {"DELETE", "/hub/v1/connectors/*/dead-letters/*", "Drop it: its change is given up", NULL, NULL,
     NULL, 204, 0, NULL, NULL},
    {"POST", "/hub/v1/connectors/*/dead-letters/retry",
     "Write them into the target, in order (of a sink)", NULL, "DeadLetterChoice",
     "DeadLettersTried", 200, 0, NULL, NULL},
    {"POST", "/hub/v1/connectors/*/dead-letters/drop", "Drop them: their changes are given up",
     NULL, "DeadLetterChoice", "DeadLettersDropped", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/connectors/*/verify", "How far its verification is, or what it has shown",
     NULL, NULL, "Verification", 200, 0, NULL, NULL},
    {"POST", "/hub/v1/connectors/*/verify",
     "Compare a sink's target, or a source's stream, with the source: `leat verify`", NULL,
     "NewVerification", "Verification", 202, 0, NULL, NULL},
    {"DELETE", "/hub/v1/connectors/*/verify", "Stop that", NULL, NULL, NULL, 204, 0, NULL, NULL},
    {"POST", "/hub/v1/connectors/*/signals", "Have it read tables again: Debezium's signals", NULL,
     "Signal", "Object", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/upgrade", "How far the last upgrade is", NULL, NULL, "Upgrade", 200, 0, NULL,
     NULL},
    {"POST", "/hub/v1/upgrade", "Become the program that lies there now; restart one by one", NULL,
     NULL, "Upgrade", 202, 0, NULL, NULL},
    {"GET", "/hub/v1/demo", "What was broken in a demo, and what became of it; 404 elsewhere", NULL,
     NULL, "Demo", 200, 0, NULL, NULL},
    {"POST", "/hub/v1/demo", "Break something of a demo, put all right, or set its traffic", NULL,
     "DemoDeed", "Demo", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/streams", "Streams, with their topics and readers", NULL, NULL, "Streams", 200,
     0, NULL, NULL},
    {"POST", "/hub/v1/query", "A SELECT over topics and state", NULL, "Query", "Answer", 200, 0,
     NULL, NULL},
    {"GET", "/hub/v1/topics", "Topics", NULL, NULL, "Topics", 200, 0, NULL, NULL},
    {"GET", "/hub/v1/topics/*/events", "Events of a topic", events, NULL, "Events", 200, 0, NULL,
     "`event`, whose id is its offset: a client that was cut off goes on behind Last-Event-ID; "
     "`failed` ({code, message})"},
    {"GET", "/hub/v1/events", "Events of several topics as one event stream", follow, NULL, NULL,
     200, 0, "text/event-stream",
     "`event`, whose id is that of its topic, a colon and its offset; `at`, whose id is where one "
     "goes on that is read from its end, or of which nothing fits; `failed` ({id, code, message}), "
     "once: it is tried again"},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
