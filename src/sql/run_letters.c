/* Statements about dead letters: requests to /hub/v1/connectors/NAME/dead-letters. */
#include "sql/run_part.h"

static const char LETTERS[] = "/dead-letters";

enum { LISTED = 1000 }; /* at most, as REST has it */

/* Those of the ids, each whole. */
static bool list_ids(leat_sql_turn *t, leat_buf *array)
{
    leat_str ids = t->s->ids;
    while (ids.len > 0) {
        leat_sql_answer r;
        leat_str id = leat_str_cut(&ids, ',');
        const char *after = leat_arena_printf(t->a, "%s/%.*s", LETTERS, LEAT_STR_ARG(id));
        if (!leat_sql_need(t, "GET", leat_sql_path(t, "/hub/v1/connectors/", after), (leat_str){0},
                           "Failed to show the dead letter", &r))
            return false;
        leat_buf_u8(array, array->len > 0 ? ',' : '[');
        leat_buf_add(array, r.json ? leat_json_text(r.json, t->a) : LEAT_STR("null"));
    }
    leat_buf_u8(array, ']');
    return true;
}

static bool list(leat_sql_turn *t)
{
    leat_sql_answer r;
    leat_buf array = {0};
    const char *after = leat_arena_printf(t->a, "%s?max=%d", LETTERS, LISTED);
    bool ok = t->s->ids.s ? list_ids(t, &array)
                          : leat_sql_need(t, "GET", leat_sql_path(t, "/hub/v1/connectors/", after),
                                          (leat_str){0}, "Failed to list dead letters", &r);
    if (ok) {
        int listed = 0;
        for (const leat_json *j = t->s->ids.s || !r.json ? NULL : r.json->child; j; j = j->next)
            listed++;
        leat_sql_entity(t, "connector_dead_letters");
        leat_jw_str(t->w, "connectorName", t->s->name);
        if (t->s->ids.s)
            leat_jw_raw(t->w, "deadLetters", leat_buf_str(&array));
        else
            leat_sql_member(t, "deadLetters", r.json);
        leat_sql_entity_end(t, listed < LISTED
                                   ? NULL
                                   : "These are the first 1,000, there may be more: SELECT ... "
                                     "FROM dead_letters looks at all of them");
    }
    leat_buf_free(&array);
    return ok;
}

/* Of one, or of all: what REST answers is told. */
static bool act(leat_sql_turn *t, const char *verb, const char *type)
{
    leat_sql_answer r;
    const char *path =
        leat_sql_path(t, "/hub/v1/connectors/", leat_arena_printf(t->a, "%s/%s", LETTERS, verb));
    const char *body = "{\"all\":true}";
    if (t->s->ids.s) body = leat_arena_printf(t->a, "{\"ids\":[%.*s]}", LEAT_STR_ARG(t->s->ids));
    const char *failed = leat_arena_printf(t->a, "Failed to %s dead letters", verb);
    if (!leat_sql_need(t, "POST", path, leat_str_of(body), failed, &r)) return false;
    leat_sql_entity(t, type);
    leat_jw_str(t->w, "connectorName", t->s->name);
    for (const leat_json *j = r.json ? r.json->child : NULL; j; j = j->next)
        leat_sql_member(t, leat_arena_str(t->a, j->name).s, j);
    leat_sql_entity_end(t, NULL);
    return true;
}

static bool alter(leat_sql_turn *t)
{
    leat_sql_answer r;
    const leat_json *j = NULL;
    leat_err err = {0};
    const char *path =
        leat_sql_path(t, "/hub/v1/connectors/",
                      leat_arena_printf(t->a, "%s/%.*s", LETTERS, LEAT_STR_ARG(t->s->ids)));
    if (leat_json_parse(t->a, t->s->value, &j, &err) != LEAT_OK)
        return leat_sql_fail(t, 400, "The columns are no JSON: %s", err.msg);
    const char *body =
        leat_arena_printf(t->a, "{\"after\":%.*s}", LEAT_STR_ARG(leat_json_text(j, t->a)));
    if (!leat_sql_need(t, "PATCH", path, leat_str_of(body), "Failed to edit the dead letter", &r))
        return false;
    return leat_sql_acted(t, "ALTER DEAD LETTERS", t->s->ids);
}

bool leat_sql_letters(leat_sql_turn *t)
{
    switch (t->s->kind) {
    case LEAT_SQL_LIST_LETTERS: return list(t);
    case LEAT_SQL_RETRY_LETTERS: return act(t, "retry", "dead_letters_retried");
    case LEAT_SQL_DROP_LETTERS: return act(t, "drop", "dead_letters_dropped");
    default: return alter(t);
    }
}
