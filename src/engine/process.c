/* A connector's process: lock, counters page, state.db, stream, the task, control socket; and how
 * it ends.
 *
 * The main thread runs the task; the control thread answers requests and sets flags; a signal sets
 * the same flags. What is opened here is closed here, in reverse order. Whoever is told to stop and
 * hangs in a driver is ended by an alarm: what was not durable then comes again at the next start.
 */
#include "engine/process.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/uuid.h"
#include "engine/bounds.h"
#include "engine/kept.h"
#include "engine/running.h"
#include "hub/supervisor.h"

enum {
    LOCK_WAIT_US = 5000000, /* for a process that is just stopping */
    LOCK_STEP_US = 20000,
    IDLE_MS = 500, /* longest read of an idle source */
    STOP_S = 60,   /* from the signal to the alarm: longer than a supervisor waits */
    ORPHAN_S = 3,  /* the same when there is no supervisor any more: its successor waits for us */
};

/* For the signal handler: the process once its task is there; whether a signal came; who started
 * us; whether we end with it. */
static leat_process *_Atomic running;
static atomic_bool asked;
static pid_t parent;
static bool bound_to_parent;

void leat_process_stop(leat_process *p)
{
    if (p->engine) leat_engine_stop(p->engine);
    if (p->sinkrun) leat_sinkrun_stop(p->sinkrun);
}

bool leat_process_ends(void)
{
    return atomic_load(&asked);
}

static void on_signal(int sig)
{
    (void)sig;
    leat_process *p = atomic_load(&running);
    if (!atomic_exchange(&asked, true))
        alarm(bound_to_parent && getppid() != parent ? ORPHAN_S : STOP_S);
    if (p) leat_process_stop(p);
}

/* Whoever started us may have blocked the signals, so that none is lost before this. */
static void catch_signals(int supervisor)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction act = {.sa_handler = on_signal};
    sigset_t set;
    sigemptyset(&set);
    parent = supervisor ? supervisor : getppid();
    int death = 0;
    bound_to_parent = prctl(PR_GET_PDEATHSIG, &death) == 0 && death != 0;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction was;
        sigaction(signals[i], NULL, &was);
        if (was.sa_handler != SIG_IGN) sigaction(signals[i], &act, NULL); /* nohup: as one wishes */
        sigaddset(&set, signals[i]);
    }
    signal(SIGPIPE, SIG_IGN); /* a log that nobody reads any more is no reason to die */
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* The process that the counters page names, the connector's or a command's; 0: none. */
static int holder(const char *counters)
{
    leat_page *page = NULL;
    if (leat_page_open(counters, &page, NULL) != LEAT_OK) return 0;
    int pid = atomic_load(&page->pid);
    leat_page_close(page);
    return pid < 0 ? -pid : pid;
}

/* Waits for the lock while the process before may be just stopping. */
static leat_rc take_lock(leat_process *p, const char *counters, const atomic_bool *stopped,
                         leat_err *e)
{
    char *path = leat_arena_printf(&p->arena, "%s/lock", p->folder);
    int flags = LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_LOCK;
    int64_t until = leat_mono_us() + LOCK_WAIT_US;
    bool told = false;
    while ((p->lock = leat_os_now()->open(path, flags, 0600)) == -EWOULDBLOCK) {
        if (stopped && atomic_load(stopped)) return LEAT_PENDING;
        if (leat_mono_us() >= until)
            return leat_fail(e, LEAT_CONF, "connector.locked", p->folder,
                             "process %d runs this connector already; stop that one, or use "
                             "another --data folder",
                             holder(counters));
        if (!told)
            leat_log(LEAT_INFO, "connector.waiting", "pid=%d for the process that runs it now",
                     holder(counters));
        told = true;
        leat_sleep_us(LOCK_STEP_US);
    }
    return p->lock < 0 ? leat_os_fail(e, p->lock, "lock", path) : LEAT_OK;
}

leat_rc leat_process_lock(leat_process *p, const atomic_bool *stopped, leat_err *e)
{
    p->folder = leat_arena_printf(&p->arena, "%s/connectors/%s", p->conf.data, p->conf.name);
    int err = leat_os_mkdirs(p->folder, 0700);
    if (err < 0) return leat_os_fail(e, err, "make the folder", p->folder);
    char *counters = leat_arena_printf(&p->arena, "%s/counters", p->folder);
    return take_lock(p, counters, stopped, e);
}

leat_rc leat_process_stream(leat_process *p, leat_err *e)
{
    if (p->stream) return LEAT_OK;
    char *counters = leat_arena_printf(&p->arena, "%s/counters", p->folder);
    if (!p->page) LEAT_TRY(leat_page_visit(counters, &p->page, e));
    if (!p->setup.source) return LEAT_OK;
    if (p->setup.kafka) return leat_process_kafka(p, e);
    leat_embedded_conf conf = {
        .data = p->conf.data,
        .connector = p->conf.name,
        .page = p->page,
        .merge = p->setup.common.stream_merge ? LEAT_MERGING_ON : LEAT_MERGING_OFF,
    };
    leat_stream_apply(&p->setup.stream, &conf);
    return leat_embedded_open(&conf, &p->stream, e);
}

static leat_rc open_state(leat_process *p, leat_err *e)
{
    LEAT_TRY(leat_state_open(p->conf.data, p->conf.name, false, &p->state, e));
    LEAT_TRY(leat_state_open(p->conf.data, p->conf.name, false, &p->notes, e));
    LEAT_TRY(leat_state_desired_get(p->state, &p->desired, e));
    if (p->setup.source && !p->setup.kafka) LEAT_TRY(leat_process_unspooled(p, e));
    return leat_kept_store(p->state, p->conf.config, e);
}

/* Who started it last (hub/supervisor.h), always as many bytes; not synced: supervisors that may
 * read it end with the machine. */
static leat_rc note_supervisor(leat_process *p, leat_err *e)
{
    char *path = leat_arena_printf(&p->arena, "%s/" LEAT_CHILD_NOTE, p->folder);
    leat_str text = leat_str_of(leat_arena_printf(&p->arena, "%010d", (int)parent));
    int fd = leat_os_now()->open(path, LEAT_O_WRITE | LEAT_O_CREATE, 0600);
    int err = fd < 0 ? fd : leat_os_write_all(fd, text.s, text.len, 0);
    if (fd >= 0) leat_os_now()->close(fd);
    return err < 0 ? leat_os_fail(e, err, "note who started it in", path) : LEAT_OK;
}

/* Nothing depends on it: where it cannot be had, it is missed by who looks. */
static void open_tables(leat_process *p)
{
    leat_err err;
    char *path = leat_arena_printf(&p->arena, "%s/" LEAT_TABLES_FILE, p->folder);
    if (leat_tables_create(path, p->setup.sink != NULL, &p->tables, &err) != LEAT_OK)
        leat_log_err(LEAT_WARN, &err);
}

/* state.db before the stream: it keeps why the stream could not be opened. */
static leat_rc open_all(leat_process *p, leat_err *e)
{
    leat_rc rc = leat_process_lock(p, &asked, e);
    if (rc != LEAT_OK) return rc;
    char *counters = leat_arena_printf(&p->arena, "%s/counters", p->folder);
    LEAT_TRY(leat_page_create(counters, &p->page, e));
    LEAT_TRY(open_state(p, e));
    LEAT_TRY(note_supervisor(p, e));
    open_tables(p);
    return leat_process_stream(p, e);
}

/* The topics of a sink, NULL-ended. */
static const char *const *topics_of(leat_process *p)
{
    const leat_opt_list *list = &p->setup.wanted.names;
    const char **out = LEAT_NEW(&p->arena, const char *, list->n + 1);
    for (size_t i = 0; i < list->n; i++) out[i] = list->v[i];
    return out;
}

/* What limits it, where everybody can see it. */
static void show_limits(leat_process *p)
{
    const leat_connector_conf *c = &p->setup.common;
    const leat_stream_conf *s = &p->setup.stream;
    const int64_t limits[LEAT_LIMITS] = {c->rate_events, c->rate_bytes,  c->cpu_percent,
                                         c->memory,      s->limit_bytes, s->spool_limit};
    for (unsigned i = 0; i < LEAT_LIMITS; i++) atomic_store(&p->page->limits[i], limits[i]);
}

static void tell_bound(leat_process *p)
{
    size_t bound = leat_engine_bound(p->engine);
    leat_log(LEAT_INFO, "connector.memory",
             "this connector holds at most %zu KiB for events (limits.memory=%lld KiB)",
             bound >> 10, (long long)(p->setup.common.memory >> 10));
}

/* A sink that has a worker reads Kafka. */
static void open_intake(leat_process *p)
{
    const leat_connector_conf *c = &p->setup.common;
    const leat_errant_conf to = {.connector = p->conf.name,
                                 .kafka = &p->setup.clients,
                                 .topic = c->errant_topic,
                                 .replication = c->errant_replication,
                                 .context = c->errant_context};
    leat_intake_conf conf = {.connector = p->conf.name,
                             .kafka = &p->setup.intake,
                             .topics = topics_of(p),
                             .pattern = p->setup.wanted.pattern,
                             .key = {c->key_schemas, c->key_defaults},
                             .value = {c->value_schemas, c->value_defaults},
                             .transforms = p->setup.transforms,
                             .tolerate = c->tolerance != 0};
    if (!p->setup.kafka) return;
    if (*c->errant_topic && conf.tolerate) conf.to = p->errant = leat_errant_new(&to);
    p->intake = leat_intake_new(&conf);
}

static unsigned tasks_of(const leat_process *p)
{
    unsigned most = (unsigned)p->setup.common.tasks_max;
    return p->setup.source->tasks ? p->setup.source->tasks(p->setup.conf, most) : 1;
}

static leat_retry retry_of(const leat_connector_conf *c)
{
    return (leat_retry){.min_us = c->retry_min_ms * 1000,
                        .max_us = c->retry_max_ms * 1000,
                        .limit = c->retry_limit};
}

static void make_sink(leat_process *p)
{
    const leat_connector_conf *c = &p->setup.common;
    open_intake(p);
    leat_sinkrun_conf conf = {.sink = p->setup.sink,
                              .conf = p->setup.conf,
                              .connector = p->conf.name,
                              .data = p->conf.data,
                              .topics = topics_of(p),
                              .pattern = p->setup.wanted.pattern,
                              .feed = p->intake,
                              .transforms = p->setup.transforms,
                              .dead = leat_state_dead_store(p->state),
                              .page = p->page,
                              .tables = p->tables,
                              .parking = {.state = p->state,
                                          .keys_most = c->parked_keys,
                                          .percent = c->breaker_percent,
                                          .window = c->breaker_window},
                              .paused = leat_process_broke,
                              .paused_arg = p,
                              .tolerate = c->tolerance != 0,
                              .stalled_us = c->stalled_ms * 1000,
                              .retry = retry_of(c)};
    p->sinkrun = leat_sinkrun_new(&conf);
}

static void make_task(leat_process *p)
{
    if (p->setup.source) {
        const leat_source *source = p->setup.source;
        leat_engine_conf conf = {.source = source,
                                 .tasks = tasks_of(p),
                                 .memory = (size_t)p->setup.common.memory,
                                 .max_event_bytes = (size_t)p->setup.common.max_event_bytes,
                                 .transforms = p->setup.transforms,
                                 .tolerate = p->setup.common.tolerance != 0,
                                 .stream_bytes = leat_setup_beside(&p->setup),
                                 .conf = p->setup.conf,
                                 .connector = p->conf.name,
                                 .folder = p->folder,
                                 .run_id = p->run_id,
                                 .stream = p->stream,
                                 .dead = leat_state_dead_store(p->state),
                                 .schemas = leat_state_schema_store(p->state),
                                 .page = p->page,
                                 .tables = p->tables,
                                 .once = p->conf.once,
                                 .rate_events = p->setup.common.rate_events,
                                 .rate_bytes = p->setup.common.rate_bytes,
                                 .cpu_percent = p->setup.common.cpu_percent,
                                 .idle_ms = IDLE_MS,
                                 .stalled_us = p->setup.common.stalled_ms * 1000,
                                 .retry = retry_of(&p->setup.common)};
        p->engine = leat_engine_new(&conf);
        p->file = leat_signal_file_new(source, p->setup.conf);
        p->topic = leat_signal_kafka_new(source, p->setup.conf, p->setup.signals, p->conf.name);
        p->mirror =
            leat_exchange_new(p->setup.exchange, source, p->setup.conf, p->conf.name, p->folder);
        tell_bound(p);
        show_limits(p);
    } else {
        make_sink(p);
    }
}

/* The control socket is served only once there is a task to ask. */
static leat_rc run_task(leat_process *p, leat_err *e)
{
    leat_control_conf conf = {.folder = p->folder,
                              .handler = leat_process_verb,
                              .slow = leat_process_slow,
                              .tick = leat_process_tick,
                              .idle = leat_process_idle,
                              .arg = p};
    leat_process_obey(p);
    if (p->desired.paused)
        leat_log(LEAT_WARN, "connector.paused",
                 "by=\"%s\" it was paused before this start and stays so; 'leat resume %s' lets it "
                 "go on",
                 p->desired.by, p->conf.name);
    LEAT_TRY(leat_control_start(&conf, &p->control, e));
    atomic_store(&running, p);
    if (atomic_load(&asked)) leat_process_stop(p);
    leat_log(LEAT_INFO, "connector.started", "class=%s run=%s",
             p->setup.source ? p->setup.source->name : p->setup.sink->name, p->run_id);
    leat_rc rc = p->engine ? leat_engine_run(p->engine, e) : leat_sinkrun_run(p->sinkrun, e);
    atomic_store(&running, NULL);
    return rc == LEAT_RETRY ? LEAT_CONF : rc; /* past its limit: a person must look */
}

void leat_process_close(leat_process *p)
{
    leat_signal_file_free(p->file);
    leat_signal_kafka_free(p->topic);
    leat_exchange_free(p->mirror);
    leat_engine_free(p->engine);
    leat_sinkrun_free(p->sinkrun);
    leat_intake_free(p->intake);
    leat_errant_free(p->errant);
    if (p->stream) p->stream->ops->close(p->stream); /* it may have something to save */
    if (p->notes != p->state) leat_state_close(p->notes);
    leat_state_close(p->state);
    if (p->page) atomic_store(&p->page->pid, 0);
    leat_page_close(p->page);
    leat_tables_close(p->tables);
    leat_os_now()->close(p->lock);
    leat_buf_free(&p->noted);
    pthread_mutex_destroy(&p->guard);
    leat_arena_free(&p->arena);
}

/* Told to restart after the supervisor that started us has died: by its exit status only a parent
 * would know. The one that adopted us takes the wish. */
static void wish_restart(leat_process *p)
{
    leat_err err;
    char *path = leat_arena_printf(&p->arena, "%s/" LEAT_CHILD_WISH, p->folder);
    int code = leat_os_store(path, LEAT_STR(""), 0600);
    if (code < 0) {
        leat_os_fail(&err, code, "make", path);
        leat_log_err(LEAT_WARN, &err);
    }
}

static void end(leat_process *p, leat_rc rc, const leat_err *err)
{
    leat_run_state last = rc == LEAT_RETRY     ? LEAT_RUN_RETRYING
                          : leat_rc_failed(rc) ? LEAT_RUN_FAILED
                                               : LEAT_RUN_STOPPED;
    leat_control_stop(p->control);
    if (p->state &&
        leat_rc_failed(leat_state_end_set(p->state, leat_run_state_name(last), err, NULL)))
        leat_log(LEAT_WARN, "state.sqlite", "how the run ended could not be stored");
    if (p->engine || p->sinkrun) leat_process_note(p, LEAT_NOTED_STOP);
    if (p->page) atomic_store(&p->page->state, (uint32_t)last);
    if (atomic_load(&p->restart) && getppid() != parent) wish_restart(p);
    leat_process_close(p);
}

/* RETRY comes from opening only. After a failed sync nobody knows what the disk holds: only a new
 * process reads it again. */
static int exit_of(leat_rc rc, const leat_err *err, bool restart)
{
    if (restart) return LEAT_CHILD_AGAIN;
    if (!leat_rc_failed(rc)) return LEAT_CHILD_DONE;
    if (rc == LEAT_RETRY || strcmp(err->code, "stream.sync_failed") == 0) return LEAT_CHILD_RESTART;
    bool config = strncmp(err->code, "config.", 7) == 0 || strncmp(err->code, "seal.", 5) == 0;
    return config ? LEAT_CHILD_CONFIG : LEAT_CHILD_FAILED;
}

/* Warnings were told by who started us. */
static leat_rc parse(leat_process *p, leat_err *e)
{
    leat_report r;
    leat_report_init(&r, &p->arena);
    bool good = leat_setup_parse(p->conf.config, p->conf.strict, &p->arena, &p->setup, &r);
    for (const leat_problem *w = r.first; w; w = w->next)
        if (w->warning)
            leat_log(LEAT_DEBUG, "config.warning", "option=%s %s", w->option ? w->option : "",
                     w->msg);
    return good ? LEAT_OK : leat_report_err(&r, p->conf.name, e);
}

/* It has no task, but who asks is to know why: under its lock, what a start makes first. Nothing is
 * made for one that has never been there. */
static void open_to_tell(leat_process *p)
{
    leat_err err;
    char *counters =
        leat_arena_printf(&p->arena, "%s/connectors/%s/counters", p->conf.data, p->conf.name);
    if (leat_state_open(p->conf.data, p->conf.name, true, &p->state, &err) != LEAT_OK) return;
    leat_state_close(p->state);
    p->state = NULL;
    leat_rc rc = leat_process_lock(p, &asked, &err);
    if (rc == LEAT_PENDING) return;
    if (rc == LEAT_OK) rc = leat_page_create(counters, &p->page, &err);
    if (rc == LEAT_OK) rc = leat_state_open(p->conf.data, p->conf.name, false, &p->state, &err);
    if (rc == LEAT_OK) rc = note_supervisor(p, &err);
    if (rc != LEAT_OK) leat_log_err(LEAT_WARN, &err);
}

int leat_process_run(const leat_process_conf *conf)
{
    leat_process p = {.conf = *conf, .lock = -1};
    pthread_mutex_init(&p.guard, NULL);
    leat_err err = {0};
    leat_arena_init(&p.arena, 0);
    leat_uuid7(p.run_id);
    leat_seal_folder(conf->data);
    catch_signals(conf->supervisor);
    leat_rc rc = parse(&p, &err);
    if (rc != LEAT_OK) open_to_tell(&p);
    if (rc == LEAT_OK) leat_bounds_set(&p.setup.common);
    if (rc == LEAT_OK) rc = open_all(&p, &err);
    if (rc == LEAT_OK && p.setup.source) rc = leat_process_adopt(&p, &err);
    if (rc == LEAT_OK && p.setup.source)
        rc = leat_exchange_adopt(p.setup.exchange, p.setup.source, p.setup.conf, p.state,
                                 conf->name, p.folder, &err);
    if (rc == LEAT_OK) {
        leat_process_note(&p, LEAT_NOTED_START);
        make_task(&p);
        rc = run_task(&p, &err);
    }
    leat_log_end();
    if (leat_rc_failed(rc)) leat_log_err(LEAT_ERROR, &err);
    if (rc == LEAT_OK) leat_log(LEAT_INFO, "connector.stopped", "in order");
    bool restart = atomic_load(&p.restart);
    end(&p, rc, &err);
    return exit_of(rc, &err, restart);
}
