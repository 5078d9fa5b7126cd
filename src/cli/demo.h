/* Inside of `leat demo`: shared by cli/demo*.c only.
 *
 * Two processes. The command itself shows events and listens to the user. Its one child, the
 * keeper, owns everything that must not be left behind: the scratch folder, PostgreSQL, the
 * capture (the supervisor of `leat run`, or with the page a hub) and the shop's traffic. However
 * the command ends, the keeper notices, ends them in order and removes the folder. */
#ifndef LEAT_CLI_DEMO_H
#define LEAT_CLI_DEMO_H

#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/load.h"
#include "event/event.h"

#define LEAT_DEMO_CONNECTOR "shop" /* also topic.prefix, database and role */
#define LEAT_DEMO_SLOT "leat_demo"
#define LEAT_DEMO_POISON "Poison" /* the name of a customer that the target refuses */
enum { LEAT_DEMO_RATE_MAX = 10000 };

/* What one demo works in. Settled before anything is started; then read-only. */
typedef struct leat_demo_lab {
    const char *bin;     /* folder of initdb and postgres */
    const char *scratch; /* made by leat_demo_scratch_make; removed with all that is in it */
    const char *socket;  /* folder below scratch that holds the server's socket and its data */
    const char *data;    /* data folder of leat */
    const char *target;  /* with the page: the SQLite file that it is copied into */
    const char *listen;  /* where the page is served; NULL: there is none */
    atomic_int *rate;    /* transactions a second; shared with all processes of the demo */
    bool keep;           /* leave the scratch folder */
    bool other_user;     /* we are root: the server runs as uid and gid */
    uid_t uid;
    gid_t gid;
} leat_demo_lab;

/* ---- demo_scratch.c: the folder, and whom its server belongs to ---- */

/* Fills uid and gid: user postgres, else nobody, when we are root. CONF "demo.no_user". */
leat_rc leat_demo_user(leat_demo_lab *lab, leat_err *e);
/* Makes the folder below TMPDIR, /tmp or /var/tmp, whichever the server can use, and fills
 * scratch and socket. CONF "demo.scratch" saying what was wrong with each. */
leat_rc leat_demo_scratch_make(leat_demo_lab *lab, leat_arena *a, leat_err *e);
/* Removes it; what the server wrote is removed as its user. True when nothing is left. */
bool leat_demo_scratch_remove(const leat_demo_lab *lab);
/* In a child: from now on as the server's user, for good. False if that is refused. */
bool leat_demo_become(const leat_demo_lab *lab);

/* ---- demo_postgres.c: the server's programs ---- */

/* The folder of initdb and postgres: given (may be NULL), else the newest of Debian's, else
 * pg_config --bindir, else in PATH. CONF "demo.postgres_missing" with what to install. */
leat_rc leat_demo_postgres_find(const char *given, leat_arena *a, const char **bin, leat_err *e);
/* Start initdb, or the server, in the background as the server's user, in a process group of its
 * own, output to the log. The pid, or -errno. */
pid_t leat_demo_initdb_start(const leat_demo_lab *lab);
pid_t leat_demo_server_start(const leat_demo_lab *lab);
/* Whether it takes connections now. */
bool leat_demo_server_ready(const leat_demo_lab *lab);
/* Path of a log in the scratch folder: "postgres" or "leat". */
const char *leat_demo_log(const leat_demo_lab *lab, const char *name, char out[256]);
/* Points stdout and stderr of this process at that log. */
bool leat_demo_log_use(const leat_demo_lab *lab, const char *name);
/* The end of that log, whole lines, as text of less than size bytes; empty if there is none. */
void leat_demo_log_tail(const leat_demo_lab *lab, const char *name, char *out, size_t size);

/* ---- demo_shop.c: the shop ---- */

/* Makes role, database, tables and the first rows. RETRY "demo.sql" with the server's words. */
leat_rc leat_demo_shop_make(const leat_demo_lab *lab, leat_err *e);
/* The traffic: transactions at lab->rate until SIGTERM. The process's exit status. */
int leat_demo_traffic(const leat_demo_lab *lab);
/* Drops the slot, also while it is used. RETRY "demo.sql". */
leat_rc leat_demo_slot_drop(const leat_demo_lab *lab, leat_err *e);
/* A customer that the target refuses. RETRY "demo.sql". */
leat_rc leat_demo_poison(const leat_demo_lab *lab, leat_err *e);

/* ---- demo_hub.c: the same with the page ---- */

/* The address of the page: given (may be NULL), else 127.0.0.1:8083, else another port, if that is
 * taken; in a. */
const char *leat_demo_listen(const char *given, leat_arena *a);
/* The hub, until SIGTERM. The process's exit status. */
int leat_demo_hub(const leat_demo_lab *lab);

/* ---- demo_keeper.c: what is captured ---- */

/* The configuration a user would write in shop.properties, in a. */
leat_rc leat_demo_source(const leat_demo_lab *lab, leat_arena *a, leat_config **out, leat_err *e);

/* ---- demo_keeper.c ---- */

typedef enum leat_demo_news {
    LEAT_DEMO_STEP,   /* text: what it does now */
    LEAT_DEMO_READY,  /* all of it runs */
    LEAT_DEMO_ENDED,  /* the connector was stopped by somebody else */
    LEAT_DEMO_FAILED, /* err and, if there is one, the end of the log concerned in text */
} leat_demo_news;

/* What the keeper tells; goes through a pipe in one piece. */
typedef struct leat_demo_message {
    leat_demo_news news;
    leat_err err;
    char text[2048];
} leat_demo_message;

typedef struct leat_demo_keeper {
    pid_t pid;
    int news; /* descriptor of leat_demo_message */
} leat_demo_keeper;

/* Starts it. From here on the scratch folder is its own to remove. */
leat_rc leat_demo_keeper_start(const leat_demo_lab *lab, leat_demo_keeper *keeper, leat_err *e);
/* The next message, if there is one within ms. False: none (*gone: nor will there be). */
bool leat_demo_keeper_hear(const leat_demo_keeper *keeper, int ms, leat_demo_message *m,
                           bool *gone);
/* Asks it to end everything; the second time, without waiting for anyone. */
void leat_demo_keeper_stop(const leat_demo_keeper *keeper);
/* Waits for its end; true when it ended in order. *interrupts: passed on as further stops when it
 * grows. If the keeper was killed, does its work. */
bool leat_demo_keeper_wait(const leat_demo_lab *lab, leat_demo_keeper *keeper,
                           const volatile sig_atomic_t *interrupts);

/* ---- demo_line.c: an event for a person ---- */

/* How lines are laid out; zeroed at first. */
typedef struct leat_demo_style {
    bool colour;
    size_t width;  /* columns of the terminal; 0: lines are not cut */
    size_t topic;  /* widest topic so far */
    size_t key;    /* widest key so far */
    uint64_t tx;   /* of the event before */
    leat_buf text; /* scratch */
} leat_demo_style;

/* Appends one line with its newline: time (empty within a transaction), operation, topic, key, and
 * the change in words: what differs of an update whose old row is known, else the row. */
void leat_demo_line(leat_demo_style *style, const leat_event *ev, leat_buf *out);

/* ---- demo_screen.c: lines above, a status line below ---- */

/* Distribution of lags: buckets of about 3 % width from 1 us to 2^40 us. */
enum { LEAT_DEMO_BUCKETS = 40 * 32 };
typedef struct leat_demo_lags {
    uint64_t n;
    uint32_t bucket[LEAT_DEMO_BUCKETS];
} leat_demo_lags;
void leat_demo_lag_add(leat_demo_lags *lags, int64_t us);
/* The lag in ms that the given part (0.5, 0.99) of them does not pass; NaN if there are none. */
double leat_demo_lag_ms(const leat_demo_lags *lags, double part);

typedef struct leat_demo_screen leat_demo_screen;
/* terminal: stdout is one. Never NULL; heap. */
leat_demo_screen *leat_demo_screen_new(bool terminal);
void leat_demo_screen_free(leat_demo_screen *s);
/* Takes an event; its line is shown at the next leat_demo_screen_show. */
void leat_demo_screen_add(leat_demo_screen *s, const leat_event *ev);
/* Writes what was taken, and the status line (terminals only; empty: none) again. False when
 * nobody reads stdout any more. */
bool leat_demo_screen_show(leat_demo_screen *s, const char *status);
/* Writes all of it; false as above. */
bool leat_demo_put(leat_str text);

#endif
