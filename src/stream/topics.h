/* Claims of topics: data/topics/NAME says which connector writes the topic.
 *
 * Listing and looking up is in stream.h. A claim is made under a lock of the folder, so that two
 * connectors that want the same name at the same time cannot both have it, and durable before the
 * first event of the topic is. */
#ifndef LEAT_STREAM_TOPICS_H
#define LEAT_STREAM_TOPICS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* The name of a topic's claim: letters, digits, "_", "-" and most "." stand for themselves, every
 * other byte is %XX. */
void leat_topics_escape(leat_buf *out, leat_str topic);
/* Back; false if it is no such name. */
bool leat_topics_unescape(leat_buf *out, leat_str file);

/* Claims the topic, or finds that the connector has it already. CONF "topic.claimed" names the one
 * that has it, "topic.name" a name that is too long for a file. */
leat_rc leat_topics_claim(const char *data, leat_str topic, const char *connector, leat_err *e);

/* Removes the connector's claim, durably; that there is none is no error. */
leat_rc leat_topics_release(const char *data, leat_str topic, const char *connector, leat_err *e);

/* Claims anew those of n topics whose claims are missing: somebody removed them. CONF as claim. */
leat_rc leat_topics_reclaim(const char *data, const char *const *topics, size_t n,
                            const char *connector, leat_err *e);

/* The connector that has claimed it, in a. AGAIN: none has. CONF "topic.bad_claim": the claim
 * cannot be read. */
leat_rc leat_topics_claimed(const char *data, leat_str topic, leat_arena *a, const char **connector,
                            leat_err *e);

#endif
