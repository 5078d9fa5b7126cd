/* Transactions of the port to librdkafka (stream/kafka/client_part.h): exactly once.
 *
 * librdkafka goes on with a call that timed out when it is made again, which is what AGAIN
 * promises. What it says about an error decides: fatal ends the producer, an abortable one the
 * transaction. Positions are read by a consumer of their own, after the fencing: before it an open
 * transaction of a dead producer would hide the newest ones. */
#include "base/clock.h"
#include "stream/kafka/client_part.h"

enum { COMMIT_MS = 200, COMMIT_PAUSE_US = 500000, FLUSH_US = 200000 };

static leat_kafka_client_port *port(leat_broker *b)
{
    return (leat_kafka_client_port *)b;
}

static leat_rc abort_it(leat_err *e, const char *where, const char *doing, const char *why)
{
    return leat_fail(e, LEAT_RETRY, "kafka.abort", where,
                     "could not %s, the transaction is to be aborted: %s", doing, why);
}

/* Takes the error; NULL is OK. */
static leat_rc result(leat_kafka_client_port *p, rd_kafka_error_t *error, const char *doing,
                      leat_err *e)
{
    if (!error) return LEAT_OK;
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    const char *why = rd_kafka_error_string(error), *where = p->conf.connector;
    leat_rc rc;
    if (err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED) {
        leat_kafka_client_die(p, err, where, why);
        rc = leat_kafka_client_dead(p, e);
    } else if (rd_kafka_error_is_fatal(error)) {
        leat_kafka_client_look(p);
        leat_kafka_client_die(p, err, where, why); /* unless that has said why */
        rc = leat_kafka_client_dead(p, e);
    } else if (rd_kafka_error_txn_requires_abort(error)) {
        rc = abort_it(e, where, doing, why);
    } else if (rd_kafka_error_is_retriable(error) || err == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        rc = LEAT_AGAIN;
    } else if (err == RD_KAFKA_RESP_ERR__STATE || err == RD_KAFKA_RESP_ERR__CONFLICT) {
        rc = p->in_tx
                 ? abort_it(e, where, doing, why)
                 : leat_fail(e, LEAT_RETRY, "kafka.fatal", where, "could not %s: %s", doing, why);
    } else {
        rc = leat_kafka_fail(e, err, where, doing, why);
    }
    rd_kafka_error_destroy(error);
    return rc;
}

leat_rc leat_kafka_tx_init(leat_broker *b, int wait_ms, leat_err *e)
{
    leat_kafka_client_port *p = port(b);
    if (p->fatal) return leat_kafka_client_dead(p, e);
    leat_rc rc =
        result(p, rd_kafka_init_transactions(p->rk, wait_ms), "begin with transactions", e);
    if (rc == LEAT_AGAIN) rd_kafka_poll(p->rk, 0);
    p->fenced = rc == LEAT_OK;
    if (rc == LEAT_OK) p->too_old = 0;
    return rc;
}

void leat_kafka_tx_end(leat_kafka_client_port *p)
{
    leat_kafka_offsets_close(p->reading);
    p->reading = NULL;
}

leat_rc leat_kafka_tx_offsets(leat_broker *b, leat_arena *a, leat_position **pos, size_t *n,
                              int wait_ms, leat_err *e)
{
    leat_kafka_client_port *p = port(b);
    const leat_kafka_client_conf *c = &p->conf;
    if (!p->reading)
        LEAT_TRY(leat_kafka_offsets_open(
            c->kafka, c->offsets.topic, c->connector,
            p->fenced ? LEAT_KAFKA_OFFSETS_SETTLED : LEAT_KAFKA_OFFSETS_COMMITTED, &p->reading, e));
    leat_rc rc = leat_kafka_offsets_read(p->reading, wait_ms, e);
    if (rc == LEAT_AGAIN) return rc;
    if (rc == LEAT_OK) leat_kafka_offsets_take(p->reading, a, pos, n);
    leat_kafka_tx_end(p);
    return rc;
}

leat_rc leat_kafka_tx_begin(leat_broker *b, leat_err *e)
{
    leat_kafka_client_port *p = port(b);
    if (p->fatal) return leat_kafka_client_dead(p, e);
    p->refused = (leat_err){0};
    p->left = SIZE_MAX;
    leat_rc rc = result(p, rd_kafka_begin_transaction(p->rk), "begin a transaction", e);
    p->in_tx = rc == LEAT_OK;
    return rc;
}

leat_rc leat_kafka_tx_offset(leat_broker *b, leat_position pos, uint64_t tag, leat_err *e)
{
    leat_kafka_client_port *p = port(b);
    leat_buf key = {0};
    leat_kafka_offsets_key(p->conf.connector, pos.partition, &key);
    const leat_broker_record record = {
        .topic = b->ops->topic(b, p->conf.offsets.topic),
        .partition = -1,
        .key = leat_buf_str(&key),
        .value = pos.offset,
        .timestamp_ms = leat_now_us() / 1000,
        .tag = tag,
    };
    leat_rc rc = b->ops->produce(b, &record, e);
    leat_buf_free(&key);
    return rc;
}

/* Records are on their way, and get there. Those of a transaction that failed do not, which the
 * commit tells. */
static bool flushing(leat_kafka_client_port *p, int wait_ms)
{
    if (rd_kafka_flush(p->rk, wait_ms) != RD_KAFKA_RESP_ERR__TIMED_OUT) return false;
    int64_t now = leat_mono_us();
    if (p->nqueued != p->left) p->left_us = now;
    p->left = p->nqueued;
    return now - p->left_us < FLUSH_US;
}

/* Each call is taken up by librdkafka's thread first. If that does not come to it in time, the call
 * ends as if there had been none, and the brokers' answer to the one before is taken for that of an
 * abort, at which librdkafka (2.0 to 2.11 at least) ends the process. So what waits for records is
 * done before, the call has time enough, and is made seldom while no answer comes. */
leat_rc leat_kafka_tx_commit(leat_broker *b, int wait_ms, leat_err *e)
{
    leat_kafka_client_port *p = port(b);
    if (p->fatal) return leat_kafka_client_dead(p, e);
    if (leat_mono_us() < p->commit_us) return LEAT_AGAIN;
    if (p->commit_us == 0 && flushing(p, wait_ms)) return LEAT_AGAIN;
    leat_rc rc = result(p, rd_kafka_commit_transaction(p->rk, COMMIT_MS), "commit", e);
    p->commit_us = rc == LEAT_AGAIN ? leat_mono_us() + COMMIT_PAUSE_US : 0;
    leat_kafka_client_look(p);
    if (rc == LEAT_RETRY && leat_rc_failed(p->refused.rc) && !p->fatal)
        return leat_fail(e, p->refused.rc, p->refused.code, p->refused.where, "%s", p->refused.msg);
    if (rc == LEAT_OK) p->in_tx = false;
    return rc;
}

leat_rc leat_kafka_tx_abort(leat_broker *b, int wait_ms, leat_err *e)
{
    leat_kafka_client_port *p = port(b);
    if (p->fatal) return leat_kafka_client_dead(p, e);
    leat_rc rc = result(p, rd_kafka_abort_transaction(p->rk, wait_ms), "abort", e);
    leat_kafka_client_look(p);
    if (rc == LEAT_OK) p->in_tx = false;
    return rc;
}
