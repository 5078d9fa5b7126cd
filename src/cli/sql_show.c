/* Answers of SQL for people; see the header.
 *
 * Texts may come from anybody: what would steer the terminal is shown as a question mark. */
#include "cli/sql_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

/* ---- tables ---- */

static size_t width_of(leat_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) n += ((unsigned char)text.s[i] & 0xC0) != 0x80;
    return n;
}

static void put(leat_str text, leat_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        bool steers = (c < ' ' && c != '\n') || c == 0x7f;
        leat_buf_u8(out, steers ? (unsigned)'?' : c);
    }
}

static void put_cell(leat_str text, size_t width, bool last, leat_buf *out)
{
    size_t n = width_of(text);
    leat_buf_u8(out, ' ');
    put(text, out);
    for (; n < width && !last; n++) leat_buf_u8(out, ' ');
    leat_buf_str_z(out, last ? "\n" : " |");
}

typedef struct column {
    const char *title, *member; /* member: of each row; "a.b" of a part of it */
} column;

static const leat_json *find(const leat_json *row, const char *member)
{
    char part[32];
    const char *dot = strchr(member, '.');
    if (!dot) return leat_json_get(row, member);
    size_t n = (size_t)(dot - member) < sizeof part ? (size_t)(dot - member) : sizeof part - 1;
    memcpy(part, member, n);
    part[n] = 0;
    return find(leat_json_get(row, part), dot + 1);
}

static leat_str cell(const leat_json *row, const char *member, leat_arena *a)
{
    const leat_json *j = find(row, member);
    if (!j || j->type == LEAT_JSON_NULL) return LEAT_STR("");
    return j->type == LEAT_JSON_STRING ? j->text : leat_json_text(j, a);
}

void leat_sql_show_cells(const leat_str *cells, size_t columns, size_t rows, leat_buf *out)
{
    leat_arena a = {0};
    size_t *width = LEAT_NEW(&a, size_t, columns + 1), total = 0;
    for (size_t i = 0; i < columns * (rows + 1); i++) {
        size_t w = width_of(cells[i]), *most = &width[i % columns];
        if (w > *most) *most = w;
    }
    for (size_t i = 0; i < columns; i++) total += width[i] + 3;
    for (size_t i = 0; i < columns * (rows + 1); i++) {
        put_cell(cells[i], width[i % columns], (i + 1) % columns == 0, out);
        if (i + 1 != columns) continue;
        for (size_t k = 1; k < total; k++) leat_buf_u8(out, '-');
        leat_buf_u8(out, '\n');
    }
    leat_arena_free(&a);
}

static void put_table(const column *columns, const leat_json *list, leat_buf *out)
{
    size_t n = 0, rows = 0, at = 0;
    leat_arena a = {0};
    while (columns[n].title) n++;
    for (const leat_json *row = list ? list->child : NULL; row; row = row->next) rows++;
    leat_str *cells = LEAT_NEW(&a, leat_str, n * (rows + 1));
    for (size_t i = 0; i < n; i++) cells[at++] = leat_str_of(columns[i].title);
    for (const leat_json *row = list ? list->child : NULL; row; row = row->next)
        for (size_t i = 0; i < n; i++) cells[at++] = cell(row, columns[i].member, &a);
    leat_sql_show_cells(cells, n, rows, out);
    leat_arena_free(&a);
}

/* ---- entities ---- */

static void line(leat_buf *out, const char *title, leat_str value)
{
    leat_buf_printf(out, "%-12s : ", title);
    put(value, out);
    leat_buf_u8(out, '\n');
}

static void show_created(const leat_json *j, leat_buf *out)
{
    const leat_json *info = leat_json_get(j, "info");
    bool altered = leat_str_starts(leat_json_get_str(j, "statementText"), "ALTER");
    leat_buf_str_z(out, altered ? "Altered connector " : "Created connector ");
    put(leat_json_get_str(info, "name"), out);
    leat_buf_u8(out, '\n');
}

static void show_dropped(const leat_json *j, leat_buf *out)
{
    leat_buf_str_z(out, "Dropped connector ");
    put(leat_json_get_str(j, "connectorName"), out);
    leat_buf_u8(out, '\n');
}

static void show_warning(const leat_json *j, leat_buf *out)
{
    put(leat_json_get_str(j, "message"), out);
    leat_buf_u8(out, '\n');
}

static void show_action(const leat_json *j, leat_buf *out)
{
    leat_str id = leat_json_get_str(j, "id");
    put(leat_json_get_str(j, "connectorName"), out);
    leat_buf_str_z(out, ": ");
    put(leat_json_get_str(j, "action"), out);
    leat_buf_str_z(out, id.s ? " is taken, signal " : " is done");
    put(id, out);
    leat_buf_u8(out, '\n');
}

static void show_list(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {{"Connector Name", "name"},
                                     {"Type", "type"},
                                     {"Class", "className"},
                                     {"Status", "state"},
                                     {NULL, NULL}};
    put_table(columns, leat_json_get(j, "connectors"), out);
}

static void show_plugins(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {
        {"Class", "class"}, {"Type", "type"}, {"Version", "version"}, {NULL, NULL}};
    put_table(columns, leat_json_get(j, "connectorsPlugins"), out);
}

static void show_description(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {
        {"Task ID", "id"}, {"State", "state"}, {"Error Trace", "trace"}, {NULL, NULL}};
    const leat_json *status = leat_json_get(j, "status"),
                    *connector = leat_json_get(status, "connector"),
                    *topics = leat_json_get(j, "topics");
    line(out, "Name", leat_json_get_str(status, "name"));
    line(out, "Class", leat_json_get_str(j, "connectorClass"));
    line(out, "Type", leat_json_get_str(status, "type"));
    line(out, "State", leat_json_get_str(connector, "state"));
    line(out, "WorkerId", leat_json_get_str(connector, "worker_id"));
    if (leat_json_get_str(connector, "trace").s)
        line(out, "Trace", leat_json_get_str(connector, "trace"));
    leat_buf_u8(out, '\n');
    put_table(columns, leat_json_get(status, "tasks"), out);
    if (!topics || !topics->child) return;
    leat_buf_str_z(out, "\n Related Topics\n----------------\n");
    for (const leat_json *t = topics->child; t; t = t->next) put_cell(t->text, 0, true, out);
}

static void show_topics(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {{"Topic", "name"},
                                     {"Connector", "connector"},
                                     {"First Offset", "firstOffset"},
                                     {"Next Offset", "nextOffset"},
                                     {NULL, NULL}};
    put_table(columns, leat_json_get(j, "topics"), out);
}

static void show_variables(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {{"Variable Name", "name"}, {"Value", "value"}, {NULL, NULL}};
    put_table(columns, leat_json_get(j, "variables"), out);
}

static void show_offsets(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {
        {"Partition", "partition"}, {"Offset", "offset"}, {NULL, NULL}};
    put_table(columns, leat_json_get(j, "offsets"), out);
}

static void show_test(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {{"Step", "step"},
                                     {"State", "state"},
                                     {"Found", "detail"},
                                     {"What to do", "advice"},
                                     {NULL, NULL}};
    static const column problems[] = {{"Option", "option"}, {"Problem", "message"}, {NULL, NULL}};
    const leat_json *list = leat_json_get(j, "problems");
    if (list && list->child) put_table(problems, list, out);
    list = leat_json_get(j, "steps");
    if (list && list->child) put_table(columns, list, out);
    leat_buf_str_z(out,
                   leat_json_get_bool(j, "ok", false) ? "The test passed\n" : "The test failed\n");
}

/* ---- connections ---- */

static void show_connection(const leat_json *j, leat_buf *out)
{
    const leat_json *k = leat_json_get(j, "connection"), *values = leat_json_get(k, "parameters"),
                    *users = leat_json_get(k, "used_by");
    line(out, "Name", leat_json_get_str(k, "name"));
    line(out, "Type", leat_json_get_str(k, "label"));
    line(out, "Strategy", leat_json_get_str(k, "strategy_label"));
    for (const leat_json *v = values ? values->child : NULL; v; v = v->next) {
        char name[64];
        if (v->type == LEAT_JSON_NULL) continue;
        snprintf(name, sizeof name, "%.*s", LEAT_STR_ARG(v->name));
        line(out, name, v->text);
    }
    for (const leat_json *u = users ? users->child : NULL; u; u = u->next)
        line(out, "Used by", u->text);
}

static void show_saved(const leat_json *j, leat_buf *out)
{
    leat_str name = leat_json_get_str(leat_json_get(j, "connection"), "name");
    bool altered = leat_str_starts(leat_json_get_str(j, "statementText"), "ALTER");
    leat_buf_str_z(out, altered ? "Altered connection " : "Created connection ");
    put(name, out);
    leat_buf_u8(out, '\n');
}

static void show_connection_dropped(const leat_json *j, leat_buf *out)
{
    leat_buf_str_z(out, "Dropped connection ");
    put(leat_json_get_str(j, "connectionName"), out);
    leat_buf_u8(out, '\n');
}

static void show_connections(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {{"Connection", "name"},
                                     {"Type", "label"},
                                     {"Strategy", "strategy_label"},
                                     {"Used by", "used_by"},
                                     {NULL, NULL}};
    put_table(columns, leat_json_get(j, "connections"), out);
}

static void show_properties(const leat_json *j, leat_buf *out)
{
    static const column columns[] = {{"Property", "name"}, {"Value", "value"}, {NULL, NULL}};
    put_table(columns, leat_json_get(j, "properties"), out);
}

static const struct {
    const char *type;
    void (*show)(const leat_json *j, leat_buf *out);
} shows[] = {
    {"connector_info", show_created},
    {"drop_connector", show_dropped},
    {"warning_entity", show_warning},
    {"connector_action", show_action},
    {"connector_list", show_list},
    {"connector_plugins_list", show_plugins},
    {"connector_description", show_description},
    {"connector_offsets", show_offsets},
    {"connector_test", show_test},
    {"connection_test", show_test},
    {"connection_info", show_saved},
    {"drop_connection", show_connection_dropped},
    {"connection_list", show_connections},
    {"connection_description", show_connection},
    {"kafka_topics", show_topics},
    {"variables", show_variables},
    {"properties", show_properties},
};

void leat_sql_show(const leat_json *entity, leat_buf *out)
{
    leat_str type = leat_json_get_str(entity, "@type");
    const leat_json *warnings = leat_json_get(entity, "warnings");
    size_t i = 0, n = sizeof shows / sizeof *shows;
    while (i < n && !leat_str_is(type, shows[i].type)) i++;
    if (i < n) {
        shows[i].show(entity, out);
    } else {
        leat_json_write(entity, out);
        leat_buf_u8(out, '\n');
    }
    for (const leat_json *w = warnings ? warnings->child : NULL; w; w = w->next) {
        leat_buf_str_z(out, "Warning: ");
        put(leat_json_get_str(w, "message"), out);
        leat_buf_u8(out, '\n');
    }
}

void leat_sql_show_record(const leat_json *record, leat_arena *a, leat_buf *out)
{
    char at[LEAT_ISO_MAX];
    const leat_json *key = leat_json_get(record, "key"), *value = leat_json_get(record, "value");
    leat_buf_printf(
        out, "rowtime: %s, key: %.*s, value: %.*s, partition: %" PRId64 ", offset: %" PRId64 "\n",
        leat_iso_us(leat_json_get_i64(record, "timestamp", 0) * 1000, 3, at),
        LEAT_STR_ARG(key ? leat_json_text(key, a) : LEAT_STR("null")),
        LEAT_STR_ARG(value ? leat_json_text(value, a) : LEAT_STR("null")),
        leat_json_get_i64(record, "partition", 0), leat_json_get_i64(record, "offset", 0));
}
