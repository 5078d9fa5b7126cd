/* connectors, counters, dead_letters: what stands in the connectors' folders.
 *
 * Counters come from their pages, which nobody has to be asked for; how one that does not run has
 * ended, its configuration and its dead letters from its state.db. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "engine/look.h"
#include "sink/sink.h"
#include "source/source.h"
#include "sql/select_part.h"
#include "state/state.h"
#include "stream/page.h"
#include "stream/segment.h"

typedef leat_rc (*each)(leat_select_rows *r, const char *name, leat_err *e);

static leat_rc for_each(leat_select_rows *r, const leat_select_bounds *b, each fn, leat_err *e)
{
    const char **names = NULL;
    size_t n = 0;
    LEAT_TRY(leat_look_names(r->q->conf->data, &r->a, &names, &n, e));
    for (size_t i = 0; i < n; i++)
        if (!b->connector.s || leat_str_is(b->connector, names[i])) LEAT_TRY(fn(r, names[i], e));
    return LEAT_OK;
}

/* Its counters as they are; false: it has none. */
static bool look_at_page(const leat_select_rows *r, const char *name, leat_page *out, bool *alive)
{
    char path[LEAT_PATH_MAX];
    leat_page *page = NULL;
    if (leat_segment_folder(r->q->conf->data, name, "counters", path, NULL) != LEAT_OK ||
        leat_page_open(path, &page, NULL) != LEAT_OK)
        return false;
    leat_page_copy(page, out);
    *alive = leat_page_alive(page);
    leat_page_close(page);
    return true;
}

/* ---- connectors ---- */

/* "source" or "sink", and the class it was given. */
static void put_class(leat_select_rows *r, leat_state *s)
{
    leat_str config = {0}, class = {0};
    const leat_json *j = NULL;
    leat_err err;
    if (s && leat_state_config_get(s, &r->a, &config, NULL) == LEAT_OK && config.s &&
        leat_json_parse(&r->a, config, &j, &err) == LEAT_OK)
        class = leat_json_get_str(leat_json_get(j, "config"), "connector.class");
    leat_select_put_str(r, !class.s                  ? (leat_str){0}
                           : leat_source_find(class) ? LEAT_STR("source")
                           : leat_sink_find(class)   ? LEAT_STR("sink")
                                                     : (leat_str){0});
    leat_select_put_str(r, class);
}

static leat_rc put_connector(leat_select_rows *r, const char *name, leat_err *e)
{
    leat_page page = {0};
    leat_state *s = NULL;
    leat_err end = {0};
    leat_str ended = {0};
    char iso[LEAT_ISO_MAX];
    int64_t at_us;
    bool alive = false, paged = look_at_page(r, name, &page, &alive);
    leat_rc rc = leat_state_open(r->q->conf->data, name, true, &s, e);
    if (rc == LEAT_CONF && strcmp(e->code, "connector.unknown") == 0) return LEAT_OK;
    LEAT_TRY(rc);
    leat_select_put_str(r, leat_str_of(name));
    put_class(r, s);
    if (!alive) leat_state_end_get(s, &r->a, &ended, &at_us, &end, NULL);
    leat_select_put_str(r, alive     ? leat_str_of(leat_run_state_name((leat_run_state)page.state))
                           : ended.s ? ended
                                     : LEAT_STR("STOPPED"));
    if (alive)
        leat_select_put_i64(r, page.pid);
    else
        leat_select_put_str(r, (leat_str){0});
    leat_select_put_str(r, paged && alive ? leat_str_of(leat_iso_us(page.started_us, 3, iso))
                                          : (leat_str){0});
    leat_select_put_str(r, end.rc ? leat_str_of(end.code) : (leat_str){0});
    leat_select_put_str(r, end.rc ? leat_str_of(end.msg) : (leat_str){0});
    leat_state_close(s);
    return LEAT_OK;
}

leat_rc leat_select_fill_connectors(leat_select_rows *r, const leat_select_bounds *b, leat_err *e)
{
    return for_each(r, b, put_connector, e);
}

/* ---- counters ---- */

static void put_counter(leat_select_rows *r, const char *connector, const char *name, int64_t value)
{
    leat_select_put_str(r, leat_str_of(connector));
    leat_select_put_str(r, leat_str_of(name));
    if (value < 0)
        leat_select_put_str(r, (leat_str){0}); /* unknown */
    else
        leat_select_put_i64(r, value);
}

static leat_rc put_counters(leat_select_rows *r, const char *name, leat_err *e)
{
    leat_page p = {0};
    bool alive;
    (void)e;
    if (!look_at_page(r, name, &p, &alive)) return LEAT_OK;
    const struct {
        const char *name;
        int64_t value;
    } all[] = {
        {"received", (int64_t)p.received},
        {"appended", (int64_t)p.appended},
        {"filtered", (int64_t)p.filtered},
        {"dead", (int64_t)p.dead},
        {"deduplicated", (int64_t)p.deduplicated},
        {"rows_read", (int64_t)p.rows_read},
        {"rows_appended", (int64_t)p.rows_appended},
        {"commits", (int64_t)p.commits},
        {"retries", (int64_t)p.retries},
        {"delivered", (int64_t)p.delivered},
        {"sink_rejected", (int64_t)p.sink_rejected},
        {"lag_bytes", p.lag_bytes},
        {"retained_bytes", p.retained_bytes},
        {"stream_bytes", (int64_t)p.stream_bytes},
        {"memory_bytes", (int64_t)p.memory_bytes},
        {"resident_bytes", (int64_t)p.resident_bytes},
        {"last_event_us", p.last_event_us},
        {"started_us", p.started_us},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        put_counter(r, name, all[i].name, all[i].value);
    return LEAT_OK;
}

leat_rc leat_select_fill_counters(leat_select_rows *r, const leat_select_bounds *b, leat_err *e)
{
    return for_each(r, b, put_counters, e);
}

/* ---- dead letters ---- */

typedef struct letters {
    leat_select_rows *r;
    const char *connector;
} letters;

static bool put_letter(void *arg, const leat_dead_letter *l)
{
    letters *g = arg;
    leat_select_rows *r = g->r;
    char iso[LEAT_ISO_MAX];
    leat_select_put_str(r, leat_str_of(g->connector));
    leat_select_put_i64(r, l->id);
    leat_select_put_str(r, leat_str_of(leat_iso_us(l->at_us, 3, iso)));
    leat_select_put_str(r, l->ts_us ? leat_str_of(leat_iso_us(l->ts_us, 6, iso)) : (leat_str){0});
    leat_select_put_str(r, leat_str_of(l->topic));
    leat_select_put_str(r, leat_str_of(l->table));
    leat_select_put_str(r, leat_str_of(l->code));
    leat_select_put_str(r, leat_str_of(l->reason));
    leat_select_put_str(r, leat_str_of(l->where));
    leat_select_put_str(r, l->position);
    leat_select_put_i64(r, (int64_t)l->bytes.len);
    leat_select_put_blob(r, l->bytes);
    return leat_select_late(r->q, NULL) == LEAT_OK && r->bytes <= LEAT_SELECT_MEMORY;
}

static leat_rc put_letters(leat_select_rows *r, const char *name, leat_err *e)
{
    letters g = {r, name};
    leat_state *s = NULL;
    leat_rc rc = leat_state_open(r->q->conf->data, name, true, &s, e);
    if (rc == LEAT_CONF && strcmp(e->code, "connector.unknown") == 0) return LEAT_OK;
    if (rc == LEAT_OK) rc = leat_state_dead_each(s, 0, 0, put_letter, &g, e);
    leat_state_close(s);
    LEAT_TRY(rc);
    LEAT_TRY(leat_select_late(r->q, e));
    return r->bytes <= LEAT_SELECT_MEMORY ? LEAT_OK : leat_select_full(e);
}

leat_rc leat_select_fill_letters(leat_select_rows *r, const leat_select_bounds *b, leat_err *e)
{
    return for_each(r, b, put_letters, e);
}
