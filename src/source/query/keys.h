/* The file in which query capture keeps the keys of the rows that it has told of a table.
 *
 * A key is in it, durably, before its row is handed over, so that it lacks none that the stream
 * has; it may hold some that the stream has not. A key whose delete is told is set aside with the
 * number of the batch that tells it, and goes for good once that batch is durable; after a crash
 * before that it is among the others again. So are keys of rows that came behind the position,
 * which no poll tells a second time: after a crash both are to be asked for. A key is its columns'
 * canonical texts (capture/compare.h), kept with the cells that its record shows. By the task's
 * thread. */
#ifndef LEAT_SOURCE_QUERY_KEYS_H
#define LEAT_SOURCE_QUERY_KEYS_H

#include "capture/compare.h"

typedef struct leat_query_keys leat_query_keys;
/* Texts are borrowed for the call. */
typedef void leat_query_keys_fn(void *arg, const leat_str *key, leat_str cells);

/* Makes the file if it is not there. plan: of the database's side; only its key counts. signature:
 * what the texts depend on; where it was another one all keys are dropped. told: the last batch
 * that is durable. */
leat_rc leat_query_keys_open(const char *path, const leat_compare_plan *plan, const char *signature,
                             uint64_t told, leat_query_keys **out, leat_err *e);
/* It was made by opening it, or had keys of another signature. */
bool leat_query_keys_new(const leat_query_keys *k);
/* Once it says true bounds and sums end with RETRY; NULL: never. */
void leat_query_keys_leaves(leat_query_keys *k, bool (*leaves)(void *arg), void *arg);
/* What was put and not committed is gone. NULL: nothing. */
void leat_query_keys_close(leat_query_keys *k);

/* A small text kept beside the keys, absent if there is none; in a. */
leat_rc leat_query_keys_note(leat_query_keys *k, const char *name, leat_arena *a, leat_str *out,
                             leat_err *e);

/* What follows is durable with the commit. */
leat_rc leat_query_keys_note_set(leat_query_keys *k, const char *name, leat_str text, leat_err *e);
/* cells empty: its row could not be told; those of before stay. */
leat_rc leat_query_keys_put(leat_query_keys *k, const leat_str *key, leat_str cells, leat_err *e);
leat_rc leat_query_keys_leave(leat_query_keys *k, const leat_str *key, uint64_t batch, leat_err *e);
/* The row of a key that was put is told by this batch and by no poll. */
leat_rc leat_query_keys_came(leat_query_keys *k, const leat_str *key, uint64_t batch, leat_err *e);
/* The key is none of `again` any more; nor is one that came or is left. */
leat_rc leat_query_keys_asked(leat_query_keys *k, const leat_str *key, leat_err *e);
/* Batches up to this one are durable. */
leat_rc leat_query_keys_forget(leat_query_keys *k, uint64_t told, leat_err *e);
leat_rc leat_query_keys_commit(leat_query_keys *k, leat_err *e);

/* As those of leat_compare_side, of the keys alone and in the order of the database's plan. */
leat_rc leat_query_keys_bound(leat_query_keys *k, const leat_compare_range *r, uint64_t skip,
                              leat_arena *a, const leat_str **key, leat_err *e);
leat_rc leat_query_keys_sum(leat_query_keys *k, const leat_compare_range *r, leat_compare_sum *out,
                            leat_err *e);
leat_rc leat_query_keys_each(leat_query_keys *k, const leat_compare_range *r,
                             leat_query_keys_fn *fn, void *arg, leat_err *e);
/* Keys, at most so many, that were told by batches of which none was durable when the file was
 * opened. */
leat_rc leat_query_keys_again(leat_query_keys *k, uint32_t most, leat_query_keys_fn *fn, void *arg,
                              leat_err *e);

#endif
