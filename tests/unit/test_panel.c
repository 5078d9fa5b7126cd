/* The panel of a demo: when it has what was delivered verified, and which incidents it keeps.
 * Connectors and verifications are the test's. */
#include "test.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/json.h"
#include "hub/panel.h"
#include "hub/sample.h"
#include "hub/verifying.h"

enum { TURNS_US = 300000, KILLS = 12 };

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static leat_verifying_outcome last;
static unsigned begun, repairs;
static atomic_bool works; /* the source */
static atomic_int rate;

size_t leat_sample_take(leat_hub *h, bool processes, leat_arena *a, leat_sample **out)
{
    static const leat_hub_connector both[] = {{.name = "shop"}, {.name = "warehouse"}};
    (void)h, (void)processes;
    *out = LEAT_NEW(a, leat_sample, 2);
    for (int i = 0; i < 2; i++) {
        bool runs = i > 0 || atomic_load(&works);
        (*out)[i] = (leat_sample){.k = &both[i],
                                  .state = runs ? "RUNNING" : "FAILED",
                                  .condition = runs ? "RUNNING" : "FAILED",
                                  .page = true,
                                  .pid = runs ? 1 << 30 : 0};
    }
    return 2;
}

leat_stage leat_sample_stage(const leat_sample *s)
{
    (void)s;
    return LEAT_STAGE_NONE;
}

void leat_sample_process(leat_sample *s)
{
    (void)s;
}

leat_verifying *leat_verifying_new(const char *data)
{
    (void)data;
    return NULL;
}

void leat_verifying_free(leat_verifying *v)
{
    (void)v;
}

/* Each finds a difference at once, and so does the next one. */
leat_rc leat_verifying_begin(leat_verifying *v, const leat_verifying_order *order, leat_err *e)
{
    (void)v, (void)e;
    pthread_mutex_lock(&guard);
    begun++;
    repairs += order->repair;
    last.begun_us = last.ended_us = leat_now_us();
    pthread_mutex_unlock(&guard);
    return LEAT_OK;
}

bool leat_verifying_stop(leat_verifying *v, const char *name)
{
    (void)v, (void)name;
    return false;
}

void leat_verifying_write(leat_verifying *v, const char *name, leat_buf *out)
{
    (void)v, (void)name, (void)out;
}

void leat_verifying_last(leat_verifying *v, const char *name, leat_verifying_outcome *out)
{
    (void)v, (void)name;
    pthread_mutex_lock(&guard);
    *out = last;
    pthread_mutex_unlock(&guard);
}

void leat_verifying_forget(leat_verifying *v, const char *name)
{
    (void)v, (void)name;
}

static leat_rc drop_slot(const void *arg, leat_err *e)
{
    (void)arg, (void)e;
    return LEAT_OK;
}

/* The last verification ended long ago, and found a difference. */
static leat_hub *start(leat_hub *h, bool source_works)
{
    static leat_config source = {.name = "shop"}, sink = {.name = "warehouse"};
    static const leat_panel_conf conf = {
        .source = &source, .sink = &sink, .rate = &rate, .drop_slot = drop_slot};
    *h = (leat_hub){0};
    begun = repairs = 0;
    last = (leat_verifying_outcome){.begun_us = 1, .ended_us = 2, .done = true, .differences = 1};
    atomic_store(&works, source_works);
    h->panel = leat_panel_start(h, &conf);
    assert_non_null(h->panel);
    return h;
}

static int post(leat_hub *h, const char *body)
{
    leat_http_call c = {.status = 200};
    assert_int_equal(leat_json_parse(&c.a, leat_str_of(body), &c.json, NULL), LEAT_OK);
    leat_hub_v1_demo_post(h, &c);
    leat_buf_free(&c.out);
    leat_arena_free(&c.a);
    return c.status;
}

static void counted(unsigned all, unsigned of_repairs)
{
    pthread_mutex_lock(&guard);
    unsigned were = begun, repaired = repairs;
    pthread_mutex_unlock(&guard);
    assert_int_equal(were, all);
    assert_int_equal(repaired, of_repairs);
}

/* Else nobody would see what was lost. */
static void test_nothing_is_repaired_in_calm(void **state)
{
    leat_hub h;
    (void)state;
    start(&h, true);
    leat_sleep_us(TURNS_US);
    counted(1, 0);
    leat_panel_stop(h.panel);
}

/* Its proof would be that of a verification from before it. */
static void test_no_idle_look_while_an_incident_is_open(void **state)
{
    leat_hub h;
    (void)state;
    start(&h, true);
    leat_sleep_us(TURNS_US);
    assert_int_equal(post(&h, "{\"do\":\"drop-slot\"}"), 200);
    pthread_mutex_lock(&guard);
    last.begun_us = 1;
    last.ended_us = 2;
    pthread_mutex_unlock(&guard);
    leat_sleep_us(TURNS_US);
    counted(1, 0);
    leat_panel_stop(h.panel);
}

static void test_an_open_incident_is_kept(void **state)
{
    leat_hub h;
    leat_http_call c = {.status = 200};
    const leat_json *all = NULL;
    bool open = false;
    int n = 0;
    (void)state;
    start(&h, false);
    assert_int_equal(post(&h, "{\"do\":\"drop-slot\"}"), 200);
    assert_int_equal(post(&h, "{\"do\":\"drop-slot\"}"), 409);
    for (int i = 0; i < KILLS; i++) assert_int_equal(post(&h, "{\"do\":\"kill\"}"), 503);
    leat_hub_v1_demo(&h, &c);
    assert_int_equal(leat_json_parse(&c.a, leat_buf_str(&c.out), &all, NULL), LEAT_OK);
    int64_t before = INT64_MAX;
    for (const leat_json *i = leat_json_get(all, "incidents")->child; i; i = i->next, n++) {
        int64_t id = leat_json_get_i64(i, "id", 0);
        assert_true(id < before);
        before = id;
        if (leat_str_is(leat_json_get_str(i, "what"), "drop-slot"))
            open = leat_json_get_bool(i, "open", false);
    }
    assert_true(open);
    assert_int_equal(n, 8);
    leat_buf_free(&c.out);
    leat_arena_free(&c.a);
    leat_panel_stop(h.panel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_repaired_in_calm),
        cmocka_unit_test(test_no_idle_look_while_an_incident_is_open),
        cmocka_unit_test(test_an_open_incident_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
