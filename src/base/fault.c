/* Fault points: reading the spec, counting passes, doing what was asked for.
 *
 * While nothing is armed a pass costs one relaxed load. Armed, passes are counted and rules looked
 * up under one lock, and what the rule says is done outside of it. Sleeping goes by base/clock, so
 * a stall in the simulator costs no time. Any thread. */
#include "base/fault.h"

#include "base/clock.h"
#include "base/str.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef enum action { ACT_ERRNO, ACT_KILL, ACT_SLEEP } action;

typedef struct rule {
    leat_fault_id id;
    uint64_t pass; /* which one; 0 = every */
    action act;
    int64_t value; /* errno, or milliseconds */
} rule;

enum { RULES_MOST = 32 };

static const char *const names[] = {
#define X(name, what) #name,
    LEAT_FAULT_LIST(X)
#undef X
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool armed;
static rule rules[RULES_MOST];
static size_t rule_count;
static uint64_t passes[LEAT_FAULT_COUNT];

static int errno_of(leat_str name)
{
    for (int err = 1; err < 200; err++) {
        const char *known = strerrorname_np(err);
        if (known && leat_str_is(name, known)) return err;
    }
    return 0;
}

static bool read_rule(leat_str text, rule *r)
{
    leat_str name = leat_str_cut(&text, ':'), pass = leat_str_cut(&text, ':');
    *r = (rule){.id = LEAT_FAULT_COUNT};
    for (unsigned i = 0; i < LEAT_FAULT_COUNT; i++)
        if (leat_str_is(name, names[i])) r->id = (leat_fault_id)i;
    if (r->id == LEAT_FAULT_COUNT || !leat_str_u64(pass, &r->pass)) return false;
    if (leat_str_is(text, "kill")) {
        r->act = ACT_KILL;
    } else if (text.len > 2 && memcmp(text.s + text.len - 2, "ms", 2) == 0) {
        r->act = ACT_SLEEP;
        text.len -= 2;
        return leat_str_i64(text, &r->value) && r->value >= 0 && r->value <= INT32_MAX;
    } else {
        r->act = ACT_ERRNO;
        r->value = errno_of(text);
        return r->value != 0;
    }
    return true;
}

static bool set(const char *spec)
{
    rule made[RULES_MOST];
    size_t n = 0;
    leat_str rest = leat_str_of(spec);
    while (rest.s) {
        leat_str part = leat_str_trim(leat_str_cut(&rest, ','));
        if (part.len == 0) continue;
        if (n == RULES_MOST || !read_rule(part, &made[n])) return false;
        n++;
    }
    pthread_mutex_lock(&lock);
    if (n) memcpy(rules, made, n * sizeof(rule));
    rule_count = n;
    memset(passes, 0, sizeof(passes));
    atomic_store(&armed, n > 0);
    pthread_mutex_unlock(&lock);
    return true;
}

static void from_environment(void)
{
    const char *spec = getenv("LEAT_FAULT");
    if (!spec || set(spec)) return;
    fprintf(stderr, "leat: LEAT_FAULT=%s cannot be read; it is POINT:PASS:ACTION,...\n", spec);
    abort();
}

static void nothing(void)
{
}

bool leat_fault_set(const char *spec)
{
    if (!set(spec)) return false;
    pthread_once(&once, nothing);
    return true;
}

/* One write(2), for the next moment may be a kill. */
static void tell(leat_fault_id id, uint64_t pass)
{
    char line[96];
    int n = snprintf(line, sizeof(line), "leat: fault %s:%" PRIu64 " strikes\n", names[id], pass);
    if (write(STDERR_FILENO, line, (size_t)n) < 0) return;
}

/* Counts the pass; the first rule that is for it. */
static bool rule_of(leat_fault_id id, rule *out, uint64_t *at)
{
    bool found = false;
    pthread_mutex_lock(&lock);
    uint64_t pass = *at = ++passes[id];
    for (size_t i = 0; i < rule_count && !found; i++) {
        found = rules[i].id == id && (rules[i].pass == 0 || rules[i].pass == pass);
        if (found) *out = rules[i];
    }
    pthread_mutex_unlock(&lock);
    return found;
}

int leat_fault_hit(leat_fault_id id)
{
    pthread_once(&once, from_environment);
    rule r;
    uint64_t pass;
    if (!atomic_load_explicit(&armed, memory_order_relaxed) || !rule_of(id, &r, &pass)) return 0;
    if (r.pass != 0 || pass == 1) tell(id, pass);
    if (r.act == ACT_KILL) kill(getpid(), SIGKILL);
    if (r.act == ACT_SLEEP) {
        leat_sleep_us(r.value * 1000);
        return 0;
    }
    return (int)r.value;
}
