/* Processes of verifications and their reports; see the header.
 *
 * A thread each starts the process, takes its lines of JSON apart and waits for its end; what it
 * writes and what is asked for is under one guard. The process is a child like that of a query: it
 * costs memory of its own, and is killed when its time is over. */
#include "hub/verifying.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"
#include "config/seal.h"

enum { STACK_BYTES = 512 << 10 };

typedef struct report {
    struct report *next;
    leat_verifying *all;
    leat_arena a; /* the order */
    leat_verifying_order order;
    pthread_t thread;
    atomic_bool stop;
    int64_t begun_us;
    /* Under the guard. */
    bool running;
    int64_t ended_us;
    leat_buf tables, differences;     /* elements of arrays */
    leat_buf progress, result, error; /* objects; empty: none */
} report;

struct leat_verifying {
    const char *data;
    pthread_mutex_t guard; /* of the list, and of reports as they say */
    report *first;
};

leat_verifying *leat_verifying_new(const char *data)
{
    leat_verifying *v = leat_zalloc(1, sizeof *v);
    v->data = data;
    pthread_mutex_init(&v->guard, NULL);
    return v;
}

static void free_report(report *r)
{
    leat_buf *const bufs[] = {&r->tables, &r->differences, &r->progress, &r->result, &r->error};
    atomic_store(&r->stop, true);
    pthread_join(r->thread, NULL);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) leat_buf_free(bufs[i]);
    leat_arena_free(&r->a);
    leat_free(r);
}

void leat_verifying_free(leat_verifying *v)
{
    if (!v) return;
    for (report *r = v->first; r; r = r->next) atomic_store(&r->stop, true);
    for (report *r = v->first, *next; r; r = next) {
        next = r->next;
        free_report(r);
    }
    pthread_mutex_destroy(&v->guard);
    leat_free(v);
}

/* The guard is taken. */
static report *find(const leat_verifying *v, const char *name)
{
    for (report *r = v->first; r; r = r->next)
        if (strcmp(r->order.name, name) == 0) return r;
    return NULL;
}

/* Out of the list; the guard is taken. */
static void unlink_report(leat_verifying *v, report *gone)
{
    report **at = &v->first;
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
}

/* ---- what the process tells ---- */

static void add(leat_buf *list, leat_str line)
{
    if (list->len > 0) leat_buf_u8(list, ',');
    leat_buf_add(list, line);
}

static void replace(leat_buf *one, leat_str line)
{
    leat_buf_clear(one);
    leat_buf_add(one, line);
}

/* A line of `leat verifying`; cli/verify.c. */
static void take_line(report *r, leat_str line)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    if (leat_json_parse(&a, line, &j, NULL) != LEAT_OK) j = NULL;
    pthread_mutex_lock(&r->all->guard);
    if (leat_json_get(j, "difference"))
        add(&r->differences, line);
    else if (leat_json_get_str(j, "table").s)
        add(&r->tables, line);
    else if (leat_json_get(j, "progress"))
        replace(&r->progress, line);
    else if (leat_json_get(j, "error"))
        replace(&r->error, line);
    else if (leat_json_get(j, "equal"))
        replace(&r->result, line);
    pthread_mutex_unlock(&r->all->guard);
    leat_arena_free(&a);
}

static bool heard(void *arg, leat_buf *out)
{
    report *r = arg;
    leat_str rest = leat_buf_str(out);
    const char *end;
    while (rest.len > 0 && (end = memchr(rest.s, '\n', rest.len))) {
        take_line(r, leat_str_cut(&rest, '\n'));
        if (!rest.s) rest.len = 0;
    }
    if (rest.len > 0) memmove(out->p, rest.s, rest.len);
    out->len = rest.len;
    return !atomic_load(&r->stop);
}

/* ---- the process ---- */

static void put_error(report *r, const char *code, const char *message)
{
    leat_jw w = {.out = &r->error};
    leat_buf_clear(&r->error);
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "error", code);
    leat_jw_z(&w, "where", r->order.name);
    leat_jw_z(&w, "message", message);
    leat_jw_end(&w);
}

/* status: as of leat_os_run_program. Its output has told all, unless it was ended. */
static void end(report *r, int status, leat_str said)
{
    pthread_mutex_lock(&r->all->guard);
    r->running = false;
    r->ended_us = leat_now_us();
    bool told = r->result.len + r->error.len > 0;
    if (!told && status == -ECANCELED)
        put_error(r, "verify.stopped", "it was stopped before it was through");
    else if (!told && status == -ETIMEDOUT)
        put_error(r, "verify.late",
                  leat_arena_printf(&r->a, "it was ended after %" PRId64 " s: give it more",
                                    r->order.most_s));
    else if (!told)
        put_error(r, "verify.process",
                  leat_arena_printf(&r->a, "its process ended without a result (%d): %.*s", status,
                                    LEAT_STR_ARG(leat_str_trim(said))));
    pthread_mutex_unlock(&r->all->guard);
}

static void *run(void *arg)
{
    report *r = arg;
    const leat_verifying_order *o = &r->order;
    leat_arena a = {0};
    leat_buf out = {0}, said = {0};
    const char **argv = LEAT_NEW(&a, const char *, o->n + 16);
    size_t n = 0;
    argv[n++] = "leat";
    argv[n++] = "verifying";
    argv[n++] = "--data";
    argv[n++] = r->all->data;
    argv[n++] = "--load";
    argv[n++] = leat_arena_printf(&a, "%" PRId64, o->load);
    argv[n++] = "--wait";
    argv[n++] = leat_arena_printf(&a, "%" PRId64, o->wait_s);
    argv[n++] = "--max-differences";
    argv[n++] = leat_arena_printf(&a, "%d", LEAT_VERIFYING_SHOWN);
    if (o->repair) argv[n++] = "--repair";
    argv[n++] = "--";
    argv[n++] = o->name;
    for (size_t i = 0; i < o->n; i++) argv[n++] = o->tables[i];
    const leat_os_program_call call = {.path = "/proc/self/exe",
                                       .argv = (char *const *)argv,
                                       .input = leat_str_of(leat_seal_handed(&a)),
                                       .heard = heard,
                                       .arg = r};
    int status = leat_os_run_program(&call, o->most_s * 1000, SIZE_MAX, &out, &said);
    end(r, status, leat_buf_str(&said));
    leat_buf_free(&out);
    leat_buf_free(&said);
    leat_arena_free(&a);
    return NULL;
}

/* ---- what is asked for ---- */

static report *new_report(leat_verifying *v, const leat_verifying_order *order)
{
    report *r = leat_zalloc(1, sizeof *r);
    const char **tables = LEAT_NEW(&r->a, const char *, order->n + 1);
    for (size_t i = 0; i < order->n; i++) tables[i] = leat_arena_strdup(&r->a, order->tables[i]);
    r->all = v;
    r->order = *order;
    r->order.name = leat_arena_strdup(&r->a, order->name);
    r->order.tables = tables;
    r->running = true;
    r->begun_us = leat_now_us();
    return r;
}

static leat_rc start(report *r, leat_err *e)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int err = pthread_create(&r->thread, &attr, run, r);
    pthread_attr_destroy(&attr);
    return err == 0 ? LEAT_OK : leat_os_fail(e, err, "start a thread for", "a verification");
}

leat_rc leat_verifying_begin(leat_verifying *v, const leat_verifying_order *order, leat_err *e)
{
    unsigned running = 0;
    leat_rc rc = LEAT_OK;
    pthread_mutex_lock(&v->guard);
    report *old = find(v, order->name), *r = NULL;
    for (const report *o = v->first; o; o = o->next) running += o->running;
    if (old && old->running)
        rc = leat_fail(e, LEAT_RETRY, "verify.running", order->name,
                       "it is being verified; stop that, or wait until it is through");
    else if (running >= LEAT_VERIFYING_MOST)
        rc = leat_fail(e, LEAT_RETRY, "verify.busy", order->name,
                       "%d verifications run already; try again when one has ended",
                       LEAT_VERIFYING_MOST);
    if (rc == LEAT_OK) {
        r = new_report(v, order);
        rc = start(r, e);
    }
    if (rc == LEAT_OK) {
        if (old) unlink_report(v, old);
        r->next = v->first;
        v->first = r;
    } else if (r) {
        leat_arena_free(&r->a);
        leat_free(r);
    }
    pthread_mutex_unlock(&v->guard);
    if (rc == LEAT_OK && old) free_report(old);
    return rc;
}

bool leat_verifying_stop(leat_verifying *v, const char *name)
{
    pthread_mutex_lock(&v->guard);
    report *r = find(v, name);
    bool runs = r && r->running;
    if (runs) atomic_store(&r->stop, true);
    pthread_mutex_unlock(&v->guard);
    return runs;
}

void leat_verifying_forget(leat_verifying *v, const char *name)
{
    pthread_mutex_lock(&v->guard);
    report *r = find(v, name);
    if (r) unlink_report(v, r);
    pthread_mutex_unlock(&v->guard);
    if (r) free_report(r);
}

void leat_verifying_last(leat_verifying *v, const char *name, leat_verifying_outcome *out)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    *out = (leat_verifying_outcome){0};
    pthread_mutex_lock(&v->guard);
    const report *r = find(v, name);
    if (r) {
        out->begun_us = r->begun_us;
        out->ended_us = r->ended_us;
        out->done = !r->running && r->result.len > 0 &&
                    leat_json_parse(&a, leat_buf_str(&r->result), &j, NULL) == LEAT_OK;
    }
    pthread_mutex_unlock(&v->guard);
    out->equal = leat_json_get_bool(j, "equal", false);
    out->tables = leat_json_get_i64(j, "tables", 0);
    out->rows = leat_json_get_i64(j, "rows", 0);
    out->differences = leat_json_get_i64(j, "differences", 0);
    out->repaired = leat_json_get_i64(j, "repaired", 0);
    leat_arena_free(&a);
}

static void write_list(leat_jw *w, const char *name, const leat_buf *elements)
{
    leat_jw_name(w, name);
    leat_buf_u8(w->out, '[');
    leat_buf_add(w->out, leat_buf_str(elements));
    leat_buf_u8(w->out, ']');
}

static void write_object(leat_jw *w, const char *name, const leat_buf *object)
{
    if (object->len > 0)
        leat_jw_raw(w, name, leat_buf_str(object));
    else
        leat_jw_null(w, name);
}

static void write_time(leat_jw *w, const char *name, int64_t us)
{
    char iso[LEAT_ISO_MAX];
    leat_jw_z(w, name, us > 0 ? leat_iso_us(us, 3, iso) : NULL);
}

void leat_verifying_write(leat_verifying *v, const char *name, leat_buf *out)
{
    static const report none;
    leat_jw w = {.out = out};
    pthread_mutex_lock(&v->guard);
    const report *found = find(v, name), *r = found ? found : &none;
    leat_jw_object(&w, NULL);
    leat_jw_bool(&w, "running", r->running);
    write_time(&w, "begun", r->begun_us);
    write_time(&w, "ended", r->ended_us);
    leat_jw_bool(&w, "repair", r->order.repair);
    leat_jw_i64(&w, "load", r->order.load);
    write_object(&w, "progress", &r->progress);
    write_list(&w, "tables", &r->tables);
    write_list(&w, "differences", &r->differences);
    write_object(&w, "result", &r->result);
    write_object(&w, "error", &r->error);
    leat_jw_end(&w);
    pthread_mutex_unlock(&v->guard);
}
