/* The connector that runs beside Debezium (prove/shadow/part.h).
 *
 * What Debezium's configuration says about records stays; what would write to the database, to
 * Kafka or to the worker's offsets is taken out, and the slot is another one. A binary log has no
 * slots: there it is another server id, under which a reader is known. A folder with a file
 * `slot` that nobody has locked was left by a run that was killed: that slot is dropped. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "hub/supervisor.h"
#include "prove/shadow/part.h"

enum { STOP_MS = 20000, NAP_US = 20000, SLOT_MAX = 256 };
enum { SERVER_ID = 2000000000, SERVER_IDS = 2000000000 }; /* above those that people give */

/* Not for a shadow; a * stands for any text. */
static const char *const dropped[] = {
    "slot.drop.on.stop",
    "slot.failover",
    "heartbeat.interval.ms",
    "heartbeat.action.*",
    "signal.*",
    "notification.*",
    "replica.identity.*",
    "offset.*",
    "exactly.once.support",
    "transaction.boundary*",
    "topic.creation.*",
    "snapshot.mode*",
    "snapshot.streaming",
    "snapshot.locking.mode",
    "schema.history.*",
    "database.server.id",
    "publication.autocreate.mode",
    "slot.name",
    "tasks.max",
    "retention.*",
    NULL,
};

static bool is_dropped(const char *name)
{
    for (const char *const *d = dropped; *d; d++)
        if (leat_shadow_glob(*d, name)) return true;
    return false;
}

/* slot.name=debezium -> debezium_shadow, of 63 bytes at most. */
static const char *slot_of(const leat_shadow_conf *conf, leat_arena *a)
{
    static const char suffix[] = "_shadow";
    enum { NAME_MAX_BYTES = 63 };
    if (conf->slot) return conf->slot;
    const char *slot = leat_props_get(&conf->config->props, "slot.name");
    if (!slot) slot = "debezium";
    int room = NAME_MAX_BYTES - (int)sizeof suffix + 1;
    return leat_arena_printf(a, "%.*s%s", room, slot, suffix);
}

/* Process ids alone are the same in containers. */
static const char *server_id(const leat_shadow_conf *conf, leat_arena *a)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    const char *text = leat_arena_printf(a, "%s %s %d", host, conf->config->name, (int)getpid());
    uint64_t n = leat_str_hash(leat_str_of(text)) % SERVER_IDS;
    return leat_arena_printf(a, "%" PRIu64, SERVER_ID + n);
}

static void set(leat_shadow_twin *t, leat_arena *a, const char *name, const char *value)
{
    leat_props_set(&t->config.props, a, leat_str_of(name), leat_str_of(value), 0);
}

leat_rc leat_shadow_twin_config(const leat_shadow_conf *conf, const leat_setup *original,
                                leat_arena *a, leat_shadow_twin *t, leat_err *e)
{
    const leat_source *source = original->source;
    if (!source)
        return leat_fail(e, LEAT_CONF, "shadow.sink", conf->config->name,
                         "only sources can be shadowed");
    bool slots = source->forget && source->leaves;
    if (!source->capture || !(slots || source->history))
        return leat_fail(e, LEAT_CONF, "shadow.source", conf->config->name,
                         "%s has no log that two can read: only connectors of PostgreSQL, MySQL "
                         "and MariaDB can be shadowed",
                         source->title);
    if (!slots && (conf->slot || conf->keep))
        return leat_fail(e, LEAT_CONF, "config.slot", conf->slot ? "--slot" : "--keep-slot",
                         "%s has no slots: the shadow reads its log under a server id of its own, "
                         "and leaves nothing there. Leave the option out",
                         source->title);
    t->slot = slots ? slot_of(conf, a) : NULL;
    t->config = (leat_config){.name = conf->config->name};
    leat_props_init(&t->config.props, conf->config->props.file);
    for (const leat_prop *p = conf->config->props.first; p; p = p->next)
        if (!is_dropped(p->name))
            leat_props_set(&t->config.props, a, leat_str_of(p->name), leat_str_of(p->value),
                           p->line);
    if (slots) {
        set(t, a, "slot.name", t->slot);
        set(t, a, "publication.autocreate.mode", "disabled");
    } else {
        set(t, a, "database.server.id", server_id(conf, a));
        set(t, a, "include.schema.changes", "false");
    }
    set(t, a, "snapshot.mode", conf->snapshot ? "initial" : "no_data");
    set(t, a, "snapshot.streaming", "after");
    set(t, a, "retention.bytes", "1073741824");
    leat_report r;
    leat_report_init(&r, a);
    if (leat_setup_parse(&t->config, false, a, &t->setup, &r)) return LEAT_OK;
    return leat_report_err(&r, conf->config->name, e);
}

/* ---- the folder ---- */

static int remove_tree(leat_arena *a, const char *path)
{
    const char **names = NULL;
    size_t n = 0;
    struct stat st;
    if (lstat(path, &st) < 0) return errno == ENOENT ? 0 : -errno;
    if (!S_ISDIR(st.st_mode)) return leat_os_now()->unlink(path);
    int err = leat_os_names(path, a, &names, &n);
    for (size_t i = 0; i < n && err >= 0; i++)
        err = remove_tree(a, leat_arena_printf(a, "%s/%s", path, names[i]));
    return err < 0 ? err : leat_os_now()->rmdir(path);
}

/* forget drops publications that a leat made, which here are Debezium's: it is given a name that
 * nobody has. */
static leat_rc drop_slot(const leat_shadow_twin *t, const char *slot, leat_err *e)
{
    leat_arena a;
    leat_report r;
    leat_setup setup;
    leat_source_beside own = {.placed = true};
    leat_config config = {.name = t->config.name};
    leat_arena_init(&a, 0);
    leat_report_init(&r, &a);
    leat_props_init(&config.props, NULL);
    for (const leat_prop *p = t->config.props.first; p; p = p->next)
        leat_props_set(&config.props, &a, leat_str_of(p->name), leat_str_of(p->value), p->line);
    leat_props_set(&config.props, &a, LEAT_STR("slot.name"), leat_str_of(slot), 0);
    leat_props_set(&config.props, &a, LEAT_STR("publication.name"),
                   leat_str_of("leat_shadow_has_none"), 0);
    leat_rc rc = leat_setup_parse(&config, false, &a, &setup, &r)
                     ? setup.source->forget(setup.conf, &own, e)
                     : leat_report_err(&r, config.name, e);
    leat_arena_free(&a);
    return rc;
}

/* What a run that was killed has left. */
static leat_rc clear(const leat_shadow_conf *conf, leat_arena *a, leat_shadow_twin *t, leat_err *e)
{
    leat_buf slot = {0};
    const char *path = leat_arena_printf(a, "%s/slot", t->folder);
    leat_rc rc = LEAT_OK;
    if (leat_os_load(path, &slot, SLOT_MAX) == 0 && slot.len > 0) {
        conf->watch.step(conf->watch.arg, "leftover",
                         leat_arena_printf(a, "a run was killed: its slot %.*s is dropped",
                                           LEAT_STR_ARG(leat_buf_str(&slot))));
        rc = drop_slot(t, leat_arena_str(a, leat_buf_str(&slot)).s, e);
    }
    leat_buf_free(&slot);
    if (rc != LEAT_OK) return rc;
    static const char *const parts[] = {"slot", "connectors", "topics"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        path = leat_arena_printf(a, "%s/%s", t->folder, parts[i]);
        int err = remove_tree(a, path);
        if (err < 0) return leat_os_fail(e, err, "remove", path);
    }
    return LEAT_OK;
}

leat_rc leat_shadow_twin_prepare(const leat_shadow_conf *conf, leat_arena *a, leat_shadow_twin *t,
                                 leat_err *e)
{
    t->folder = leat_arena_printf(a, "%s/shadow/%s", conf->data, t->config.name);
    int err = leat_os_mkdirs(t->folder, 0700);
    if (err < 0) return leat_os_fail(e, err, "make the folder", t->folder);
    const char *lock = leat_arena_printf(a, "%s/lock", t->folder);
    t->lock = leat_os_lock(lock, LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE, 0);
    if (t->lock == -EWOULDBLOCK)
        return leat_fail(e, LEAT_CONF, "shadow.running", t->config.name,
                         "another 'leat shadow' runs for it in %s: end that one, or give --data "
                         "and --slot of another name",
                         conf->data);
    if (t->lock < 0) return leat_os_fail(e, t->lock, "lock", lock);
    LEAT_TRY(clear(conf, a, t, e));
    if (!t->slot) return LEAT_OK;
    const char *there = NULL;
    LEAT_TRY(t->setup.source->leaves(t->setup.conf, a, &there, e));
    if (there)
        return leat_fail(e, LEAT_CONF, "shadow.slot_exists", t->slot,
                         "there is a slot of this name, which a shadow would have to begin in the "
                         "middle of: drop it (SELECT pg_drop_replication_slot('%s')), or name "
                         "another one with --slot",
                         t->slot);
    err = leat_os_store(leat_arena_printf(a, "%s/slot", t->folder), leat_str_of(t->slot), 0600);
    if (err < 0) return leat_os_fail(e, err, "write to", t->folder);
    t->slotted = true;
    return LEAT_OK;
}

leat_rc leat_shadow_twin_remove(leat_shadow_twin *t, bool keep, leat_err *e)
{
    leat_arena a;
    leat_rc rc = LEAT_OK;
    leat_arena_init(&a, 0);
    if (t->slotted && !keep) rc = drop_slot(t, t->slot, e);
    if (rc == LEAT_OK && t->lock >= 0) {
        int err = remove_tree(&a, t->folder);
        if (err < 0) rc = leat_os_fail(e, err, "remove", t->folder);
    }
    if (t->lock >= 0) leat_os_now()->close(t->lock);
    t->lock = -1;
    leat_arena_free(&a);
    return rc;
}

/* ---- the process ---- */

/* The supervisor of `leat run`, with this one connector; begins when it is told to. */
static int supervise(const leat_shadow_conf *conf, const leat_shadow_twin *t, int gate)
{
    char byte;
    leat_err err = {0};
    int status = 1;
    if (read(gate, &byte, 1) != 1) return 0; /* it is not wanted any more */
    close(gate);
    leat_level level = LEAT_WARN;
    if (conf->log_level) leat_log_level_parse(leat_str_of(conf->log_level), &level);
    leat_log_setup(level, false, NULL, STDERR_FILENO);
    leat_supervisor_conf s = {.data = t->folder,
                              .stop_ms = STOP_MS,
                              .log_level = conf->log_level ? conf->log_level : "warn"};
    leat_child_config one = {.config = &t->config};
    leat_rc rc = leat_supervisor_run(&s, &one, 1, &status, &err);
    if (leat_rc_failed(rc)) leat_log_err(LEAT_ERROR, &err);
    return status;
}

leat_rc leat_shadow_twin_fork(const leat_shadow_conf *conf, leat_shadow_twin *t, leat_err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return leat_os_fail(e, errno, "make a pipe for", "the connector");
    pid_t parent = getpid();
    t->pid = fork();
    if (t->pid == 0) {
        close(ends[1]);
        setpgid(0, 0); /* a Ctrl-C is for the command, which then ends this one in order */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        _exit(getppid() == parent ? supervise(conf, t, ends[0]) : 0);
    }
    int err = errno;
    close(ends[0]);
    t->gate = ends[1];
    if (t->pid > 0) return LEAT_OK;
    close(ends[1]);
    t->pid = 0;
    return leat_os_fail(e, err, "start a process for", "the connector");
}

void leat_shadow_twin_begin(leat_shadow_twin *t)
{
    ssize_t n = write(t->gate, "g", 1);
    (void)n; /* one that is gone is noticed by leat_shadow_twin_alive */
    close(t->gate);
    t->gate = -1;
    t->begun = true;
}

leat_rc leat_shadow_twin_alive(leat_shadow_twin *t, leat_err *e)
{
    int status;
    if (t->pid > 0 && waitpid(t->pid, &status, WNOHANG) != t->pid) return LEAT_OK;
    t->pid = 0;
    return leat_fail(e, LEAT_CONF, "shadow.connector", t->config.name,
                     "leat's connector has ended: what it said stands above; 'leat check' tries "
                     "its configuration step by step");
}

void leat_shadow_twin_end(leat_shadow_twin *t)
{
    int64_t until = leat_mono_us() + (STOP_MS + 10000) * (int64_t)1000;
    if (t->gate >= 0) close(t->gate);
    t->gate = -1;
    if (t->pid <= 0) return;
    kill(t->pid, SIGTERM);
    while (waitpid(t->pid, NULL, WNOHANG) == 0) {
        leat_sleep_us(NAP_US);
        if (leat_mono_us() > until) kill(t->pid, SIGKILL);
    }
    t->pid = 0;
}
