/* The doctor: of the steps of a check one script of SQL that mends all that failed, and one that
 * takes it back. In the memory of one thread. */
#ifndef LEAT_ENGINE_DOCTOR_H
#define LEAT_ENGINE_DOCTOR_H

#include "base/buf.h"
#include "source/source.h"

/* Zeroed before the first step. */
typedef struct leat_doctor {
    leat_buf mend, undo, words; /* words: what no statement mends, as comments */
    unsigned statements, hints;
    bool restart; /* a setting is changed that counts after a restart */
} leat_doctor;

/* What the step says to do, if it says so. What nothing takes back is put there as a comment, to be
 * decided by a person. */
void leat_doctor_add(leat_doctor *d, const leat_step *s);
/* The script for an administrator; empty when there is nothing to do. of: what was checked, for its
 * first line. How to take it back stands at its end as a comment. */
void leat_doctor_script(const leat_doctor *d, const char *of, leat_buf *out);
/* The one that takes it back, in the opposite order; empty when there is nothing. To be kept before
 * the other one is run: a check that passes knows of no mending. */
void leat_doctor_undo(const leat_doctor *d, const char *of, leat_buf *out);
void leat_doctor_free(leat_doctor *d);

/* The step as an object of JSON; state: how it went, in the caller's words. */
void leat_step_write(const leat_step *s, const char *state, leat_buf *out);

#endif
