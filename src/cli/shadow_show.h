/* What `leat shadow` prints: lines for a person, or JSON objects. */
#ifndef LEAT_CLI_SHADOW_SHOW_H
#define LEAT_CLI_SHADOW_SHOW_H

#include "prove/shadow/shadow.h"

typedef struct leat_shadow_show {
    bool json, tty;
    uint64_t most;  /* differences printed; the others are counted */
    uint64_t shown; /* so far */
    int64_t told;   /* seconds at the last line of progress */
    bool open;      /* a line of progress stands on the terminal, to be written over */
} leat_shadow_show;

/* For leat_shadow_watch; arg is a leat_shadow_show. */
void leat_shadow_show_step(void *arg, const char *step, const char *text);
void leat_shadow_show_difference(void *arg, const leat_shadow_difference *d);
void leat_shadow_show_progress(void *arg, const leat_shadow_status *s);
/* The end: counts, and what was passed over by which rule. */
void leat_shadow_show_result(leat_shadow_show *w, const leat_shadow_counts *c, bool finished);
/* The rules, and what is not compared. */
void leat_shadow_show_rules(bool json);
/* All differences. */
uint64_t leat_shadow_differences(const leat_shadow_counts *c);

#endif
