/* Counting what was met; see cover.h. */
#include "cover.h"

#include <stdio.h>

#include "sim.h"
#include "stream/kafka/part.h"

/* A phase; while the stream is being opened there is none. */
enum { OPENING = LEAT_KAFKA_DRAIN + 1, PHASES, STATES = LEAT_ONCE_ABORT + 1 };

static uint64_t phases[2][MEET_COUNT][PHASES], states[MEET_COUNT][STATES];

static const char *const meets[] = {
#define X(name, text) text,
    SIM_MEETS(X)
#undef X
};

const char *cover_name(sim_meet what)
{
    return meets[what];
}

void cover(sim_meet what)
{
    const sim *s = the_sim;
    const leat_kafka *k = (const leat_kafka *)s->kafka_stream;
    if (!s->kafka || s->plant != PLANT_NONE || s->dead || s->failed) return;
    phases[s->once][what][k ? (unsigned)k->phase : OPENING]++;
    if (s->once && k) states[what][k->once.state]++;
}

static const char *phase_name(unsigned phase)
{
    return phase == OPENING ? "opening" : leat_kafka_phase_name((leat_kafka_phase)phase);
}

/* Which phases need not meet it: it does not happen there, or too seldom to count on. What is on
 * its way gets into a new spool whatever the budget is. */
static bool never(sim_meet what, bool once, unsigned phase)
{
    if (phase == OPENING) return what != MEET_KILL && what != MEET_POWER;
    if (what == MEET_BUDGET) return phase == LEAT_KAFKA_DIRECT;
    return what == MEET_DISK || what == MEET_SYNC || (what == MEET_TIMEOUT && !once);
}

bool cover_judge(sim_meet what, bool once, char *text, unsigned size)
{
    unsigned used = 0;
    bool all = true;
    *text = '\0';
    for (unsigned p = 0; p < PHASES; p++) {
        if (never(what, once, p)) continue;
        all = all && phases[once][what][p] > 0;
        int n = snprintf(text + used, size - used, "%s%s %llu", used ? ", " : "", phase_name(p),
                         (unsigned long long)phases[once][what][p]);
        if (n > 0 && used + (unsigned)n < size) used += (unsigned)n;
    }
    return all;
}

void cover_show(bool once)
{
    for (unsigned m = 0; m < MEET_COUNT; m++) {
        printf("# %-28s", meets[m]);
        for (unsigned p = 0; p < PHASES; p++)
            printf(" %s %llu", phase_name(p), (unsigned long long)phases[once][m][p]);
        for (unsigned i = 0; once && i < STATES; i++)
            printf(" %s %llu", leat_kafka_once_name(i), (unsigned long long)states[m][i]);
        printf("\n");
    }
}
