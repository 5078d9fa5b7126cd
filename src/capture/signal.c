/* Reading signals, as Debezium 3.6 does, but for what it lets pass: an unknown type of snapshot, a
 * filter without its table, a number for a name are errors here, told with the signal's id. Pure;
 * any thread. */
#include "capture/signal.h"

#include <ctype.h>

#include "base/log.h"
#include "base/uuid.h"

static const char *const names[] = {
    [LEAT_SIGNAL_LOG] = "log",
    [LEAT_SIGNAL_EXECUTE] = "execute-snapshot",
    [LEAT_SIGNAL_STOP] = "stop-snapshot",
    [LEAT_SIGNAL_PAUSE] = "pause-snapshot",
    [LEAT_SIGNAL_RESUME] = "resume-snapshot",
    [LEAT_SIGNAL_WINDOW_OPEN] = "snapshot-window-open",
    [LEAT_SIGNAL_WINDOW_CLOSE] = "snapshot-window-close",
};

/* Debezium's that do nothing here. */
static const struct {
    const char *name, *why;
} refused[] = {
    {"schema-changes", "tables are read from the database's own catalog, so there is no history of "
                       "schemas that could be edited"},
    {"set-binlog-position", "'leat offsets NAME set' sets where a connector goes on"},
};

const char *leat_signal_type_name(leat_signal_type type)
{
    return names[type];
}

static leat_rc bad(const leat_signal *s, leat_err *e, const char *what)
{
    return leat_fail(e, LEAT_CONF, "signal.data", s->id, "%s signal: %s; it was not done",
                     names[s->type], what);
}

static leat_rc find_type(leat_signal *s, leat_str type, leat_err *e)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (leat_str_is(type, refused[i].name))
            return leat_fail(e, LEAT_CONF, "signal.unsupported", s->id,
                             "the signal %s is not done here: %s", refused[i].name, refused[i].why);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!leat_str_is(type, names[i])) continue;
        s->type = (leat_signal_type)i;
        return LEAT_OK;
    }
    return leat_fail(e, LEAT_CONF, "signal.type", s->id,
                     "expected log, execute-snapshot, stop-snapshot, pause-snapshot or "
                     "resume-snapshot, got \"" LEAT_STR_FMT "\"",
                     LEAT_STR_ARG(type));
}

/* ---- members of data ---- */

static bool is_plain(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_' && *p != '.') return false;
    return true;
}

static leat_rc put_table(leat_arena *a, const leat_signal *s, leat_str text, leat_signal_table *out,
                         leat_err *e)
{
    leat_regex_problem p;
    text = leat_arena_str(a, leat_str_trim(text));
    if (text.len == 0) return bad(s, e, "the name of a table is empty");
    *out = (leat_signal_table){text.s, leat_regex_new(a, text, &p), is_plain(text.s)};
    if (out->pattern) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "signal.data", s->id,
                     "%s signal: \"%s\" is no table and no regular expression: %s at character "
                     "%zu; it was not done",
                     names[s->type], text.s, p.msg, p.offset + 1);
}

/* How many there are: not more than are worked off one by one in bearable time. */
static leat_rc count(const leat_signal *s, const char *member, const leat_json *list, size_t *n,
                     leat_err *e)
{
    *n = 0;
    for (const leat_json *j = list->child; j; j = j->next) ++*n;
    if (*n <= LEAT_SIGNAL_NAMES) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "signal.data", s->id,
                     "%s signal: %s has %zu entries, and a signal may have up to %d; it was not "
                     "done: send several signals, or name the tables by a regular expression",
                     names[s->type], member, *n, LEAT_SIGNAL_NAMES);
}

static leat_rc read_tables(leat_arena *a, const leat_json *data, leat_signal *s, leat_err *e)
{
    const leat_json *list = leat_json_get(data, "data-collections");
    if (!list || list->type == LEAT_JSON_NULL) return LEAT_OK;
    if (list->type != LEAT_JSON_ARRAY)
        return bad(s, e, "data-collections must be an array of tables");
    size_t n;
    LEAT_TRY(count(s, "data-collections", list, &n, e));
    leat_signal_table *v = LEAT_NEW(a, leat_signal_table, n);
    for (const leat_json *j = list->child; j; j = j->next) {
        if (j->type != LEAT_JSON_STRING)
            return bad(s, e, "data-collections must hold texts: \"schema.table\"");
        LEAT_TRY(put_table(a, s, j->text, &v[s->ntables++], e));
    }
    s->tables = v;
    return LEAT_OK;
}

/* additional-condition, the former form, is that of all tables. */
static leat_rc former_condition(leat_arena *a, const leat_json *data, leat_signal *s, leat_err *e)
{
    leat_str filter = leat_str_trim(leat_json_get_str(data, "additional-condition"));
    if (filter.len == 0 || s->blocking) return LEAT_OK;
    leat_signal_condition *v = LEAT_NEW(a, leat_signal_condition, 1);
    LEAT_TRY(put_table(a, s, LEAT_STR(".*"), &v->table, e));
    v->filter = leat_arena_str(a, filter).s;
    s->conditions = v;
    s->nconditions = 1;
    return LEAT_OK;
}

static leat_rc read_conditions(leat_arena *a, const leat_json *data, leat_signal *s, leat_err *e)
{
    const leat_json *list = leat_json_get(data, "additional-conditions");
    LEAT_TRY(former_condition(a, data, s, e));
    if (s->nconditions || !list || list->type == LEAT_JSON_NULL) return LEAT_OK;
    if (list->type != LEAT_JSON_ARRAY)
        return bad(s, e, "additional-conditions must be an array of objects");
    size_t n;
    LEAT_TRY(count(s, "additional-conditions", list, &n, e));
    leat_signal_condition *v = LEAT_NEW(a, leat_signal_condition, n);
    for (const leat_json *j = list->child; j; j = j->next) {
        leat_str table = leat_json_get_str(j, "data-collection");
        leat_str filter = leat_str_trim(leat_json_get_str(j, "filter"));
        if (!table.s || filter.len == 0)
            return bad(s, e, "each of additional-conditions needs data-collection and filter");
        LEAT_TRY(put_table(a, s, table, &v[s->nconditions].table, e));
        v[s->nconditions++].filter = leat_arena_str(a, filter).s;
    }
    s->conditions = v;
    return LEAT_OK;
}

static leat_rc read_kind(const leat_json *data, leat_signal *s, leat_err *e)
{
    const leat_json *type = leat_json_get(data, "type");
    if (!type || type->type == LEAT_JSON_NULL) return LEAT_OK;
    s->blocking = leat_str_ieq(type->text, LEAT_STR("blocking"));
    if (s->blocking || leat_str_ieq(type->text, LEAT_STR("incremental"))) return LEAT_OK;
    return bad(s, e, "its type of snapshot must be incremental or blocking");
}

static leat_rc read_execute(leat_arena *a, const leat_json *data, leat_signal *s, leat_err *e)
{
    LEAT_TRY(read_tables(a, data, s, e));
    if (s->ntables == 0) return bad(s, e, "data-collections must name a table or more");
    LEAT_TRY(read_conditions(a, data, s, e));
    leat_str surrogate = leat_str_trim(leat_json_get_str(data, "surrogate-key"));
    if (surrogate.len) s->surrogate = leat_arena_str(a, surrogate).s;
    return LEAT_OK;
}

static leat_rc read_data(leat_arena *a, const leat_json *data, leat_signal *s, leat_err *e)
{
    if (data && data->type != LEAT_JSON_OBJECT && data->type != LEAT_JSON_NULL)
        return bad(s, e, "its data must be an object");
    if (s->type == LEAT_SIGNAL_LOG) {
        leat_str message = leat_json_get_str(data, "message");
        if (leat_str_trim(message).len == 0) return bad(s, e, "its data needs a message");
        s->message = leat_arena_str(a, message).s;
        return LEAT_OK;
    }
    if (s->type >= LEAT_SIGNAL_WINDOW_OPEN) return LEAT_OK;
    LEAT_TRY(read_kind(data, s, e));
    if (s->type == LEAT_SIGNAL_EXECUTE) return read_execute(a, data, s, e);
    if (s->type != LEAT_SIGNAL_STOP)
        return s->blocking ? bad(s, e, "a blocking snapshot cannot rest, only be stopped")
                           : LEAT_OK;
    LEAT_TRY(read_tables(a, data, s, e));
    if (s->blocking && s->ntables > 0)
        return bad(s, e, "a blocking snapshot is stopped as a whole, without data-collections");
    return LEAT_OK;
}

/* ---- whole signals ---- */

static leat_signal *begin(leat_arena *a, leat_str id)
{
    char made[LEAT_UUID_MAX];
    leat_signal *s = LEAT_NEW(a, leat_signal, 1);
    if (!id.s) id = leat_str_of(leat_uuid4(made));
    s->id = leat_arena_str(a, id).s;
    return s;
}

static leat_rc parse_text(leat_arena *a, const leat_signal *s, leat_str text, const leat_json **out,
                          leat_err *e)
{
    leat_err why;
    *out = NULL;
    if (leat_str_trim(text).len == 0) return LEAT_OK;
    if (leat_json_parse(a, text, out, &why) == LEAT_OK) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "signal.json", s->id,
                     "the data of the signal is no JSON: %s; it was not done", why.msg);
}

leat_rc leat_signal_parse(leat_arena *a, leat_str id, leat_str type, leat_str data,
                          const leat_signal **out, leat_err *e)
{
    leat_signal *s = begin(a, id);
    const leat_json *j = NULL;
    LEAT_TRY(find_type(s, type, e));
    if (s->type < LEAT_SIGNAL_WINDOW_OPEN) LEAT_TRY(parse_text(a, s, data, &j, e));
    LEAT_TRY(read_data(a, j, s, e));
    *out = s;
    return LEAT_OK;
}

leat_rc leat_signal_parse_object(leat_arena *a, leat_str json, const leat_signal **out, leat_err *e)
{
    const leat_json *j;
    leat_err why;
    if (leat_json_parse(a, json, &j, &why) != LEAT_OK)
        return leat_fail(e, LEAT_CONF, "signal.json", "", "a signal is no JSON: %s", why.msg);
    leat_signal *s = begin(a, leat_json_get_str(j, "id"));
    const leat_json *data = leat_json_get(j, "data");
    if (j->type != LEAT_JSON_OBJECT)
        return leat_fail(e, LEAT_CONF, "signal.json", "",
                         "a signal must be an object with id, type and data");
    LEAT_TRY(find_type(s, leat_json_get_str(j, "type"), e));
    if (s->type >= LEAT_SIGNAL_WINDOW_OPEN)
        return bad(s, e, "it has a meaning in the signal table only");
    if (data && data->type == LEAT_JSON_STRING) LEAT_TRY(parse_text(a, s, data->text, &data, e));
    LEAT_TRY(read_data(a, data, s, e));
    *out = s;
    return LEAT_OK;
}

/* ---- what it says ---- */

/* As a pattern a plain text has a character for each of the name's: one that is another one is
 * found without it. Of thousands of tables looked for among thousands that is nearly all. */
static bool differs(const leat_signal_table *t, leat_str name)
{
    for (size_t i = 0; t->plain && i < name.len && t->text[i]; i++) {
        if ((unsigned char)name.s[i] >= 0x80) return false;
        if (t->text[i] != '.' && tolower(t->text[i]) != tolower(name.s[i])) return true;
    }
    return false;
}

leat_rc leat_signal_table_hit(const leat_signal_table *t, leat_str name, bool *hit, leat_err *e)
{
    *hit = leat_str_is(name, t->text);
    if (*hit || differs(t, name)) return LEAT_OK;
    return leat_regex_match(t->pattern, name, hit, e);
}

leat_rc leat_signal_filter(const leat_signal *s, leat_str name, const char **filter, leat_err *e)
{
    *filter = NULL;
    for (size_t i = 0; i < s->nconditions && !*filter; i++) {
        bool hit;
        LEAT_TRY(leat_signal_table_hit(&s->conditions[i].table, name, &hit, e));
        if (hit) *filter = s->conditions[i].filter;
    }
    return LEAT_OK;
}

void leat_signal_log(const leat_signal *s, leat_str position)
{
    const char *at = strstr(s->message, "{}");
    int before = at ? (int)(at - s->message) : (int)strlen(s->message);
    leat_log(LEAT_INFO, "signal.log", "id=\"%s\" %.*s" LEAT_STR_FMT "%s", s->id, before, s->message,
             at ? (int)position.len : 0, position.s ? position.s : "", at ? at + 2 : "");
}
