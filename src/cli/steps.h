/* Steps of a check on the terminal: for people, as JSON, or only the doctor's script. */
#ifndef LEAT_CLI_STEPS_H
#define LEAT_CLI_STEPS_H

#include "cli/cli.h"
#include "engine/doctor.h"

typedef struct leat_steps {
    bool json, sql, undo; /* as asked for: at most one */
    bool colour;          /* standard output is a terminal */
    leat_doctor doctor;
} leat_steps;

#define LEAT_ARGS_STEPS(s)                                                                         \
    {"sql", LEAT_ARG_FLAG, &(s).sql, NULL,                                                         \
     "print only the SQL that mends what fails, as one script"},                                   \
    {                                                                                              \
        "undo", LEAT_ARG_FLAG, &(s).undo, NULL,                                                    \
            "print only the SQL that takes it back (before it is mended)"                          \
    }

/* For leat_checker.step, with the leat_steps as arg. */
void leat_steps_step(leat_checker *c, const leat_step *s);
/* A script was asked for, not the steps. */
static inline bool leat_steps_script(const leat_steps *s)
{
    return s->sql || s->undo;
}
/* Prints the script that was asked for, and frees. of: what was checked. */
void leat_steps_end(leat_steps *s, const char *of);

#endif
