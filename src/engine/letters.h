/* Dead letters of a sink: the events in them, the keys that wait for them, and how a person ends
 * them.
 *
 * A letter of a sink holds the event itself with its table, so it does not need the stream any
 * more. While it is there the later changes of the same key are put behind it, as letters with the
 * code "sink.waits": they are not written before it is written or dropped ("parking"). Letters of a
 * source hold bytes as the source sent them; they can be looked at and dropped. Pure but for what
 * is said; one thread at a time. */
#ifndef LEAT_ENGINE_LETTERS_H
#define LEAT_ENGINE_LETTERS_H

#include "base/json.h"
#include "sink/sink.h"
#include "state/state.h"

/* Code of a letter that is well but for one before it. */
#define LEAT_LETTER_WAITS "sink.waits"

/* Appends the event with its table, as a letter's bytes. */
void leat_letters_pack(const leat_event *ev, leat_buf *out);
/* A table that was unpacked: a sink keeps plans and statements by table, so that letters of the
 * same one have to share it. A list, NULL at first. */
typedef struct leat_letters_table leat_letters_table;
void leat_letters_tables_free(leat_letters_table *tables);
/* Puts the event of such bytes into b, with what the letter's edit changes; its table is taken from
 * tables or added there. CONF "dead_letter.source": they are not of a sink; "dead_letter.edit": the
 * edit does not fit. */
leat_rc leat_letters_unpack(const leat_dead_letter *letter, leat_letters_table **tables,
                            leat_batch *b, leat_err *e);
/* Appends the key of the event's row, and the one it had before if that is another (else nothing).
 * False: the table has none. */
bool leat_letters_key(const leat_event *ev, leat_buf *key, leat_buf *old);

/* Writes it as an object: REST's and the command's JSON. whole: with its bytes, and the rows that
 * an event has. */
void leat_letters_write(const leat_dead_letter *letter, bool whole, leat_jw *w);

/* Which letters are meant: {"ids":[1,2]}, or {"all":true}, of which "table", "topic" and "code" may
 * choose. In a, sorted. CONF "control.request"; "dead_letter.unknown" for an id that is not there.
 */
leat_rc leat_letters_chosen(leat_state *s, const char *connector, const leat_json *request,
                            leat_arena *a, int64_t **ids, size_t *n, leat_err *e);
/* Drops them; *done: how many. */
leat_rc leat_letters_drop(leat_state *s, const int64_t *ids, size_t n, int64_t *done, leat_err *e);
/* Notes what is to be otherwise: {"id":1,"after":{column:value}}, null takes it back. CONF
 * "dead_letter.edit" says what does not fit. Writes the letter as a member "letter". */
leat_rc leat_letters_edit(leat_state *s, const char *connector, const leat_json *request,
                          leat_jw *w, leat_err *e);

typedef struct leat_letters_retry {
    const leat_sink *sink;
    const void *conf; /* of the sink */
    const char *connector, *data;
    leat_state *state;
    bool kafka; /* it reads Kafka */
} leat_letters_retry;
/* Writes them into the target in order, each by itself, while the sink is closed. Adds "retried",
 * "failed", and "letters": of each id, ok, code, reason. An error: the target cannot be reached. */
leat_rc leat_letters_try(const leat_letters_retry *r, const int64_t *ids, size_t n, leat_jw *w,
                         leat_err *e);

#endif
