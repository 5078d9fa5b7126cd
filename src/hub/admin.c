/* The hub itself: version, health, log levels.
 *
 * A logger is "root" (the hub and all its connectors) or the name of a connector. Those that Kafka
 * Connect's users know (org.apache.kafka..., io.debezium...) stand for root. Any other name is kept
 * and told, as there, and nothing listens to it. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/control.h"
#include "hub/inside.h"

void leat_hub_get_root(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    leat_jw w = {.out = &c->out};
    if (leat_hub_wants_page(c)) {
        c->status = 303;
        c->location = leat_arena_printf(&c->a, "%s/ui/", c->prefix);
        return;
    }
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "version", LEAT_HUB_CONNECT_VERSION);
    leat_jw_z(&w, "commit", "leat-" LEAT_VERSION);
    leat_jw_z(&w, "kafka_cluster_id", h->id);
    leat_jw_end(&w);
}

void leat_hub_get_health(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    leat_jw w = {.out = &c->out};
    bool stopping = leat_supervisor_stopping(h->supervisor);
    if (stopping) c->status = 503;
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "status", stopping ? "unhealthy" : "healthy");
    leat_jw_z(&w, "message",
              stopping ? "Worker is stopping."
                       : "Worker has completed startup and is ready to handle requests.");
    leat_jw_end(&w);
}

/* ---- levels ---- */

static void write_level(const leat_hub_level *l, const char *name, leat_jw *w)
{
    leat_jw_object(w, name);
    leat_jw_z(w, "level", l->level);
    leat_jw_i64(w, "last_modified", l->at_us / 1000);
    leat_jw_end(w);
}

void leat_hub_get_loggers(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_jw w = {.out = &c->out};
    leat_jw_object(&w, NULL);
    pthread_mutex_lock(&h->guard);
    for (const leat_hub_level *l = h->levels; l; l = l->next) write_level(l, l->logger, &w);
    pthread_mutex_unlock(&h->guard);
    leat_jw_end(&w);
}

static leat_hub_level **level_of(leat_hub *h, leat_str logger)
{
    leat_hub_level **at = &h->levels;
    while (*at && leat_str_cmp(leat_str_of((*at)->logger), logger) < 0) at = &(*at)->next;
    return at;
}

void leat_hub_get_logger(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_jw w = {.out = &c->out};
    pthread_mutex_lock(&h->guard);
    const leat_hub_level *l = *level_of(h, c->param[0]);
    bool found = l && leat_str_is(c->param[0], l->logger);
    if (found) write_level(l, NULL, &w);
    pthread_mutex_unlock(&h->guard);
    if (!found) leat_http_fail(c, 404, "Logger %.*s not found.", LEAT_STR_ARG(c->param[0]));
}

/* Kafka Connect's word for it, and ours; NULL: there is no such level. */
static const char *parse_level(leat_str word, leat_level *out)
{
    static const struct {
        const char *name;
        leat_level level;
    } levels[] = {{"TRACE", LEAT_TRACE}, {"DEBUG", LEAT_DEBUG}, {"INFO", LEAT_INFO},
                  {"WARN", LEAT_WARN},   {"ERROR", LEAT_ERROR}, {"FATAL", LEAT_ERROR},
                  {"OFF", LEAT_ERROR}};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (!leat_str_ieq(word, leat_str_of(levels[i].name))) continue;
        *out = levels[i].level;
        return levels[i].name;
    }
    return NULL;
}

static void tell_connector(leat_hub *h, const char *name, leat_level level, leat_arena *a)
{
    static const char *const ours[] = {"trace", "debug", "info", "warn", "error"};
    const leat_json *reply;
    char *folder = leat_arena_printf(a, "%s/connectors/%s", h->conf.data, name);
    char *request = leat_arena_printf(a, "{\"verb\":\"log-level\",\"level\":\"%s\"}", ours[level]);
    leat_control_call(folder, leat_str_of(request), LEAT_HUB_ASK_MS, a, &reply, NULL);
}

static void apply(leat_hub *h, leat_str logger, leat_level level, leat_arena *a)
{
    leat_hub_connector one, *all = &one;
    size_t n = 0;
    if (leat_str_is(logger, "root") || leat_str_starts(logger, "org.apache.kafka") ||
        leat_str_starts(logger, "io.debezium")) {
        leat_log_level(level);
        n = leat_hub_all(h, a, &all);
    } else if (leat_hub_find(h, logger, a, &one)) {
        n = 1;
    }
    for (size_t i = 0; i < n; i++) tell_connector(h, all[i].name, level, a);
}

/* Notes it; false: there are too many. */
static bool note_level(leat_hub *h, leat_str logger, const char *level, leat_arena *a)
{
    unsigned n = 0;
    pthread_mutex_lock(&h->guard);
    leat_hub_level **at = level_of(h, logger), *l = *at;
    for (const leat_hub_level *one = h->levels; one; one = one->next) n++;
    bool known = l && leat_str_is(logger, l->logger), room = known || n < LEAT_HUB_LOGGERS;
    if (room && !known) {
        l = leat_zalloc(1, sizeof *l);
        l->logger = leat_strdup(leat_arena_str(a, logger).s);
        l->next = *at;
        *at = l;
    }
    if (room) {
        l->level = level;
        l->at_us = leat_now_us();
    }
    pthread_mutex_unlock(&h->guard);
    return room;
}

void leat_hub_put_logger(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_jw w = {.out = &c->out};
    leat_level level;
    leat_str logger = c->param[0], word = leat_json_get_str(c->json, "level");
    const char *name = parse_level(word, &level);
    if (!word.s) {
        leat_http_fail(c, 400, "Desired 'level' parameter was not specified in request.");
        return;
    }
    if (!name) {
        leat_http_fail(c, 404, "invalid log level '%.*s'.", LEAT_STR_ARG(word));
        return;
    }
    if (!note_level(h, logger, name, &c->a)) {
        leat_http_fail(c, 400, "the levels of at most %d loggers are kept", LEAT_HUB_LOGGERS);
        return;
    }
    apply(h, logger, level, &c->a);
    if (leat_str_is(leat_http_query(c, "scope"), "cluster")) {
        c->status = 204;
        return;
    }
    leat_jw_array(&w, NULL);
    leat_jw_str(&w, NULL, logger);
    leat_jw_end(&w);
}
