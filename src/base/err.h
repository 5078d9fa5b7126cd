/* Errors: what happened, where, and what the engine does about it.
 *
 * A leat_err lives in the caller's frame and owns nothing, so the error path never allocates. Every
 * call that can fail returns a leat_rc and takes a leat_err as its last parameter; the err is
 * written only when the rc is RETRY, DATA, CONF or FATAL. Nobody logs on the way up: the task (or
 * the command) that ends the chain logs once. */
#ifndef LEAT_BASE_ERR_H
#define LEAT_BASE_ERR_H

/* What the caller does next; the order matters: all above LEAT_PENDING are errors. */
typedef enum leat_rc {
    LEAT_OK,
    LEAT_AGAIN,   /* nothing yet: call again later */
    LEAT_PENDING, /* taken, not yet done */
    LEAT_RETRY,   /* may work later: close, back off, open again */
    LEAT_DATA,    /* this event can never work: dead-letter it, go on */
    LEAT_CONF,    /* a person must change the configuration or the server */
    LEAT_FATAL,   /* a bug, or a state that must not be guessed about: stop the task */
} leat_rc;

typedef struct leat_err {
    leat_rc rc;
    char code[48];   /* stable and documented: "postgres.slot_missing" */
    char where[128]; /* option, table, topic, file or position concerned; may be empty */
    char msg[640];   /* for a person: what happened (got, expected), then what to do about it */
} leat_err;

/* Fills e (NULL is allowed: the rc alone is wanted) and returns rc, so that a failing function can
 * end with `return leat_fail(...)`. Texts too long are cut at a UTF-8 boundary, bytes that are
 * no UTF-8 become question marks. Keeps errno. The texts may come from e itself, so an error can be
 * wrapped in place: `leat_fail(e, e->rc, e->code, table, "snapshot: %s", e->msg)`. where may be
 * NULL. */
leat_rc leat_fail(leat_err *e, leat_rc rc, const char *code, const char *where, const char *fmt,
                  ...) __attribute__((format(printf, 5, 6)));

/* The words used in logs, JSON and docs: "ok", "again", "pending", "retry", "data", "conf",
 * "fatal". Never NULL. */
const char *leat_rc_name(leat_rc rc);

/* True for RETRY, DATA, CONF and FATAL. */
#define leat_rc_failed(rc) ((rc) > LEAT_PENDING)

/* Returns from the enclosing function when call failed. */
#define LEAT_TRY(call)                                                                             \
    do {                                                                                           \
        leat_rc rc_try_ = (call);                                                                  \
        if (leat_rc_failed(rc_try_)) return rc_try_;                                               \
    } while (0)

#endif
