/* GET /hub/v1/openapi.json: OpenAPI 3.0, made of the routes and the table of what is said of them.
 *
 * A parameter of a path is called by the segment before it. */
#include "hub/openapi.h"

#include <stdio.h>

#include "hub/inside.h"

/* What the * behind a segment is called. */
static const char *param_of(leat_str segment)
{
    static const struct {
        const char *segment, *name;
    } names[] = {{"connectors", "connector"},     {"tasks", "task"},
                 {"connector-plugins", "plugin"}, {"plugins", "plugin"},
                 {"loggers", "logger"},           {"topics", "topic"},
                 {"connections", "connection"},   {"systems", "system"},
                 {"dead-letters", "id"},          {"access", "kind"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (leat_str_is(segment, names[i].segment)) return names[i].name;
    return "name";
}

/* "/connectors/{connector}/status"; its parameters into w, if it is not NULL. */
static char *template_of(const char *path, leat_arena *a, leat_jw *w)
{
    leat_str rest = leat_str_of(path + 1), before = LEAT_STR("");
    char *out = leat_arena_strdup(a, *path && !path[1] ? "/" : "");
    while (rest.s && rest.len > 0) {
        leat_str segment = leat_str_cut(&rest, '/');
        bool rest_of_it = leat_str_is(segment, "**");
        bool param = rest_of_it || leat_str_is(segment, "*");
        const char *name = rest_of_it ? "path" : param ? param_of(before) : NULL;
        out = param ? leat_arena_printf(a, "%s/{%s}", out, name)
                    : leat_arena_printf(a, "%s/%.*s", out, LEAT_STR_ARG(segment));
        before = segment;
        if (!param || !w) continue;
        leat_jw_object(w, NULL);
        leat_jw_z(w, "name", name);
        leat_jw_z(w, "in", "path");
        leat_jw_bool(w, "required", true);
        leat_jw_raw(w, "schema", LEAT_STR("{\"type\":\"string\"}"));
        leat_jw_end(w);
    }
    return out;
}

static void write_query(const leat_openapi_query *q, leat_jw *w)
{
    for (; q && q->name; q++) {
        leat_jw_object(w, NULL);
        leat_jw_z(w, "name", q->name);
        leat_jw_z(w, "in", "query");
        leat_jw_z(w, "description", q->help);
        leat_jw_raw(w, "schema", leat_str_of(q->schema));
        leat_jw_end(w);
    }
}

static void write_content(const char *type, const char *schema, leat_jw *w)
{
    leat_jw_object(w, type);
    leat_jw_object(w, "schema");
    if (schema) {
        leat_buf ref = {0};
        leat_buf_printf(&ref, "#/components/schemas/%s", schema);
        leat_jw_str(w, "$ref", leat_buf_str(&ref));
        leat_buf_free(&ref);
    } else {
        leat_jw_z(w, "type", "string");
    }
    leat_jw_end(w);
    leat_jw_end(w);
}

static void write_done(const leat_openapi_row *row, int code, leat_jw *w)
{
    char status[16];
    bool content = code != 204 && (row->answer || row->type);
    snprintf(status, sizeof status, "%d", code);
    leat_jw_object(w, status);
    leat_jw_z(w, "description", row->events ? row->events : content ? "Done" : "Done, no content");
    if (content) {
        leat_jw_object(w, "content");
        write_content(row->type ? row->type : "application/json", row->answer, w);
        if (row->events) write_content("text/event-stream", NULL, w);
        leat_jw_end(w);
    }
    leat_jw_end(w);
}

static void write_wrong(const char *status, const char *what, leat_jw *w)
{
    leat_jw_object(w, status);
    leat_jw_z(w, "description", what);
    leat_jw_object(w, "content");
    write_content("application/json", "Error", w);
    leat_jw_end(w);
    leat_jw_end(w);
}

static void write_answers(const leat_http_route *route, const leat_openapi_row *row, leat_jw *w)
{
    leat_jw_object(w, "responses");
    write_done(row, row->status, w);
    if (row->also) write_done(row, row->also, w);
    if (route->waits)
        write_wrong("503", "Too many calls wait for other systems: ask again after Retry-After", w);
    write_wrong("default", "What is wrong", w);
    leat_jw_end(w);
}

static void write_operation(const leat_http_route *route, const leat_openapi_row *row,
                            leat_arena *a, leat_jw *w)
{
    bool hub = strncmp(route->path, "/hub/", 5) == 0;
    char *method = leat_arena_strdup(a, route->method);
    for (char *p = method; *p; p++) *p = (char)(*p | 0x20);
    leat_jw_object(w, method);
    leat_jw_array(w, "tags");
    leat_jw_z(w, NULL, hub ? "hub" : "Kafka Connect");
    leat_jw_end(w);
    leat_jw_z(w, "summary", row->summary);
    leat_jw_array(w, "parameters");
    template_of(route->path, a, w);
    write_query(row->query, w);
    leat_jw_end(w);
    if (row->body) {
        leat_jw_object(w, "requestBody");
        leat_jw_bool(w, "required", true);
        leat_jw_object(w, "content");
        write_content("application/json", row->body, w);
        leat_jw_end(w);
        leat_jw_end(w);
    }
    write_answers(route, row, w);
    leat_jw_end(w);
}

/* What is said of a route; NULL: nothing, which a test notices. */
static const leat_openapi_row *row_of(const leat_http_route *route)
{
    for (const leat_openapi_row *row = leat_openapi_rows; row->method; row++)
        if (strcmp(row->method, route->method) == 0 && strcmp(row->path, route->path) == 0)
            return row;
    return NULL;
}

static void write_paths(leat_arena *a, leat_jw *w)
{
    leat_jw_object(w, "paths");
    for (const leat_http_route *first = leat_hub_routes; first->method; first++) {
        const leat_http_route *before = leat_hub_routes;
        while (strcmp(before->path, first->path) != 0) before++;
        if (before != first) continue;
        leat_jw_object(w, template_of(first->path, a, NULL));
        for (const leat_http_route *r = first; r->method; r++) {
            const leat_openapi_row *row = strcmp(r->path, first->path) == 0 ? row_of(r) : NULL;
            if (row) write_operation(r, row, a, w);
        }
        leat_jw_end(w);
    }
    leat_jw_end(w);
}

void leat_hub_get_openapi(void *hub, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    (void)hub;
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "openapi", "3.0.3");
    leat_jw_object(&w, "info");
    leat_jw_z(&w, "title", "leat hub");
    leat_jw_z(&w, "version", LEAT_VERSION);
    leat_jw_z(&w, "description",
              "Kafka Connect's REST API, and beside it what it does not have, under /hub/v1.");
    leat_jw_end(&w);
    leat_jw_array(&w, "servers");
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "url", c->base);
    leat_jw_end(&w);
    leat_jw_end(&w);
    write_paths(&c->a, &w);
    leat_jw_object(&w, "components");
    leat_jw_object(&w, "schemas");
    for (const leat_openapi_schema *s = leat_openapi_schemas; s->name; s++)
        leat_jw_raw(&w, s->name, leat_str_of(s->json));
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_jw_end(&w);
}
