/* The simulator's program.
 *
 *   sim                                the tests, as TAP: blocks of seeds, replay, planted bugs
 *   sim --seed N [-v] [--plant BUG]    one seed; -v: every step
 *   sim --seeds A-B [--plant BUG]      many; stops at the first that fails
 *   sim --kafka --seed...              the same with Kafka as the stream
 *   sim --once --seed...               ... and exactly once
 *   sim --plants                       the planted bugs
 *   sim --kafka --met --seeds A-B      what these met, in which phase of the delivery
 *
 * A seed that fails is printed with the oracle that complained, the last steps before it, and how
 * to run it again. SIM_SEEDS=N changes how many seeds the tests run. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

enum { SEEDS = 10000, BLOCKS = 10, PLANT_SEEDS = 5000, SHOWN = 40, KAFKA_PART = 4 };

/* Which stream the runs are of. */
static sim_world world;

static void show_steps(const sim *s)
{
    uint64_t shown = s->steps < SHOWN ? s->steps : SHOWN;
    for (uint64_t i = s->steps - shown; i < s->steps; i++) {
        const step *st = &s->trace[i % TRACE_STEPS];
        printf("# %8llu %-10s %lld %lld\n", (unsigned long long)i + 1, sim_act_name(st->act),
               (long long)st->a, (long long)st->b);
    }
}

static void show_failure(const sim *s)
{
    static const char *const flags[] = {"", " --kafka", " --once"};
    show_steps(s);
    printf("# seed %llu: %s: %s\n# again: %s --seed %llu -v%s%s%s\n", (unsigned long long)s->seed,
           s->oracle, s->why, "build-san/tests/sim_sim", (unsigned long long)s->seed, flags[world],
           s->plant ? " --plant " : "", s->plant ? plant_word(s->plant) : "");
}

/* False at the first seed that fails; s then tells about it. */
static bool run_seeds(sim *s, uint64_t from, uint64_t to, sim_plant plant)
{
    for (uint64_t seed = from; seed <= to; seed++)
        if (!sim_run(s, seed, plant, world, false)) return false;
    return true;
}

/* ---- the tests ---- */

static unsigned told, failed;

static void tell(bool ok, const char *what)
{
    printf("%sok %u - %s\n", ok ? "" : "not ", ++told, what);
    fflush(stdout);
    failed += !ok;
}

static void test_blocks(uint64_t seeds)
{
    for (uint64_t i = 0; i < BLOCKS; i++) {
        static sim s;
        static const char *const names[] = {"", "Kafka: ", "exactly once: "};
        char what[80];
        uint64_t from = seeds * i / BLOCKS + 1, to = seeds * (i + 1) / BLOCKS;
        snprintf(what, sizeof what, "%sseeds %llu to %llu", names[world], (unsigned long long)from,
                 (unsigned long long)to);
        bool ok = run_seeds(&s, from, to, PLANT_NONE);
        if (!ok) show_failure(&s);
        tell(ok, what);
    }
}

/* The blocks were run: what they met in each phase. Few seeds do not meet all. */
static void test_met(uint64_t seeds)
{
    for (unsigned m = 0; m < MEET_COUNT; m++) {
        char met[200], what[300];
        bool ok = cover_judge((sim_meet)m, world == SIM_ONCE, met, sizeof met);
        snprintf(what, sizeof what, "%s: %s in each phase: %s",
                 world == SIM_ONCE ? "exactly once" : "Kafka", cover_name((sim_meet)m), met);
        tell(ok || seeds < SEEDS, what);
    }
}

/* Each found a fault that many blocks do not meet. As the code changes they go other ways; they
 * cost nothing. */
static void test_rare(void)
{
    static sim s;
    static const uint64_t once[] = {
        142346, /* frames of an earlier spool behind a torn one */
        172414, /* what a transaction in doubt had delivered was not noted, and the spool was full
                 */
        304301, /* a repeat that was taken back, and what was refused of it told apart once more */
        338541, /* the cursor of a transaction in doubt, and what it had delivered removed */
        306719, /* more in a transaction than the broker takes in its time, again and again */
    };
    bool ok = true;
    world = SIM_ONCE;
    for (size_t i = 0; i < sizeof once / sizeof *once && ok; i++)
        ok = run_seeds(&s, once[i], once[i], PLANT_NONE);
    if (!ok) show_failure(&s);
    world = SIM_EMBEDDED;
    tell(ok, "seeds that found something rare");
}

static void test_replay(void)
{
    static sim s;
    bool ok = true;
    for (uint64_t seed = 1; seed <= 50 && ok; seed++) {
        world = (sim_world)(seed % 3);
        sim_run(&s, seed, PLANT_NONE, world, false);
        uint64_t hash = s.hash, steps = s.steps;
        sim_run(&s, seed, PLANT_NONE, world, false);
        ok = s.hash == hash && s.steps == steps;
        if (!ok) printf("# seed %llu went another way the second time\n", (unsigned long long)seed);
    }
    world = SIM_EMBEDDED;
    tell(ok, "a seed always gives the same trace");
}

static void test_plant(sim_plant plant)
{
    static sim s;
    char what[160];
    world = plant >= PLANT_ONCE ? SIM_ONCE : plant >= PLANT_KAFKA ? SIM_KAFKA : SIM_EMBEDDED;
    bool found = !run_seeds(&s, 1, PLANT_SEEDS, plant);
    if (found)
        snprintf(what, sizeof what, "%s is found: seed %llu, %s", plant_word(plant),
                 (unsigned long long)s.seed, s.oracle);
    else
        snprintf(what, sizeof what, "%s is not found in %u seeds", plant_word(plant), PLANT_SEEDS);
    tell(found, what);
    world = SIM_EMBEDDED;
}

static int run_tests(void)
{
    const char *env = getenv("SIM_SEEDS");
    uint64_t seeds = SEEDS;
    if (env && (!leat_str_u64(leat_str_of(env), &seeds) || seeds < BLOCKS)) {
        fprintf(stderr, "SIM_SEEDS=%s: want a number, %d or more\n", env, BLOCKS);
        return 2;
    }
    printf("1..%d\n", 3 * BLOCKS + 2 + PLANT_COUNT - 1 + 2 * MEET_COUNT);
    test_replay();
    test_rare();
    for (sim_plant p = PLANT_NONE + 1; p < PLANT_COUNT; p++) test_plant(p);
    test_blocks(seeds);
    world = SIM_KAFKA;
    test_blocks(seeds / KAFKA_PART);
    test_met(seeds);
    world = SIM_ONCE;
    test_blocks(seeds / KAFKA_PART);
    test_met(seeds);
    sim_end();
    return failed ? 1 : 0;
}

/* ---- by hand ---- */

static int usage(void)
{
    fprintf(stderr, "usage: sim [--kafka | --once] [--met] [--seed N [-v] | --seeds A-B | "
                    "--plants] [--plant BUG]\n");
    return 2;
}

static int list_plants(void)
{
    for (sim_plant p = PLANT_NONE + 1; p < PLANT_COUNT; p++)
        printf("%-20s %s\n", plant_word(p), plant_what(p));
    return 0;
}

static int run_by_hand(uint64_t from, uint64_t to, sim_plant plant, bool verbose)
{
    static sim s;
    bool ok = true;
    uint64_t steps = 0;
    for (uint64_t seed = from; seed <= to && ok; seed++) {
        ok = sim_run(&s, seed, plant, world, verbose);
        steps += s.steps;
    }
    if (!ok)
        show_failure(&s);
    else
        printf("%llu seeds, %llu steps\n", (unsigned long long)(to - from + 1),
               (unsigned long long)steps);
    if (from == to) printf("trace %016llx\n", (unsigned long long)s.hash);
    sim_end();
    return ok ? 0 : 1;
}

static bool parse_range(const char *text, uint64_t *from, uint64_t *to)
{
    leat_str rest = leat_str_of(text);
    leat_str first = leat_str_cut(&rest, '-');
    if (!leat_str_u64(first, from)) return false;
    *to = *from;
    return rest.s == NULL || (leat_str_u64(rest, to) && *to >= *from);
}

int main(int argc, char **argv)
{
    uint64_t from = 0, to = 0;
    sim_plant plant = PLANT_NONE;
    bool verbose = false, range = false, met = false;
    if (argc == 1) return run_tests();
    for (int i = 1; i < argc; i++) {
        leat_str arg = leat_str_of(argv[i]);
        if (leat_str_is(arg, "-v"))
            verbose = true;
        else if (leat_str_is(arg, "--kafka"))
            world = SIM_KAFKA;
        else if (leat_str_is(arg, "--once"))
            world = SIM_ONCE;
        else if (leat_str_is(arg, "--met"))
            met = true;
        else if (leat_str_is(arg, "--plants"))
            return list_plants();
        else if (i + 1 == argc)
            return usage();
        else if (leat_str_is(arg, "--seed") || leat_str_is(arg, "--seeds"))
            range = parse_range(argv[++i], &from, &to);
        else if (leat_str_is(arg, "--plant"))
            plant = plant_of(argv[++i]);
        else
            return usage();
    }
    if (!range || plant == PLANT_COUNT) return usage();
    int status = run_by_hand(from, to, plant, verbose);
    if (met) cover_show(world == SIM_ONCE);
    return status;
}
