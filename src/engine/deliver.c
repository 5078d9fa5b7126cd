/* A connector whose stream is Kafka: the producer, and the delivery over it (stream/kafka/kafka.h).
 *
 * What the brokers have acknowledged stands in state.db. Of the connector's memory a quarter, at
 * most 16 MiB, is for what is on its way. Run by the thread that opens the stream. */
#include <inttypes.h>

#include "engine/running.h"
#include "stream/kafka/client.h"
#include "stream/kafka/kafka.h"
#include "stream/kafka/left.h"

static leat_json_conf converter(bool schemas, int64_t decimal, bool defaults)
{
    return (leat_json_conf){
        .schemas = schemas, .decimal_numeric = decimal != 0, .replace_null_with_default = defaults};
}

/* At least once, positions are written where Kafka Connect keeps them, if that topic is named; with
 * exactly once they are in the transactions of the records. */
static leat_rc open_offsets(leat_process *p, leat_kafka_conf *conf, leat_err *e)
{
    enum { QUEUE_BYTES = 1 << 20 };
    const leat_kafka_offsets_conf *offsets = &p->setup.offsets;
    const leat_kafka_client_conf client = {
        .kafka = &p->setup.clients,
        .connector = p->conf.name,
        .offsets = *offsets,
        .queue_bytes = QUEUE_BYTES,
        .events = &p->offsets,
    };
    if (offsets->topic == NULL || p->setup.once) return LEAT_OK;
    conf->offsets_events = &p->offsets;
    conf->offsets_topic = offsets->topic;
    conf->offsets_us = p->setup.worker.offsets_ms * 1000;
    return leat_kafka_client_open(&client, &conf->offsets, e);
}

leat_rc leat_process_unspooled(leat_process *p, leat_err *e)
{
    leat_kafka_left left;
    leat_delivered_store *store = leat_state_delivered_store(p->state);
    leat_rc rc = leat_kafka_left_look(p->conf.data, p->conf.name, store, &left, e);
    if (rc == LEAT_OK && left.spooled > 0)
        rc = leat_fail(e, LEAT_CONF, "stream.spool", p->conf.name,
                       "%" PRIu64
                       " events are in its spool and not in Kafka, and the source does not keep "
                       "them any more. Start it with Kafka as before (--kafka, or the worker's "
                       "file) and let Kafka take them; the stream can be changed then",
                       left.spooled);
    leat_kafka_left_free(&left);
    return rc;
}

leat_rc leat_process_kafka(leat_process *p, leat_err *e)
{
    const leat_connector_conf *o = &p->setup.common;
    const leat_stream_conf *stream = &p->setup.stream;
    size_t window = leat_setup_window(&p->setup);
    leat_kafka_client_conf client = {
        .kafka = &p->setup.clients,
        .connector = p->conf.name,
        .transactional_id = p->setup.once ? p->setup.transactional_id : NULL,
        .offsets = p->setup.offsets,
        .queue_bytes = window,
        .events = &p->reports,
    };
    leat_kafka_conf conf = {
        .data = p->conf.data,
        .connector = p->conf.name,
        .events = &p->reports,
        .store = leat_state_delivered_store(p->state),
        .dead = leat_state_dead_store(p->state),
        .page = p->page,
        .tables = p->tables,
        .key = converter(o->key_schemas, o->key_decimal, o->key_defaults),
        .value = converter(o->value_schemas, o->value_decimal, o->value_defaults),
        .header = converter(o->header_schemas, 0, true),
        .json_headers = strcmp(o->converters[2], LEAT_JSON_CONVERTER) == 0,
        .window_bytes = window,
        .away_us = stream->spool_after_ms * 1000,
        .spool_bytes = leat_stream_spool_most(stream),
        .other_cluster = stream->spool_other != 0,
        .compression = (leat_compression)stream->compression,
        .once = p->setup.once,
        .boundary = (leat_boundary)o->boundary,
        .interval_us = o->boundary_ms * 1000,
        .timeout_us = p->setup.clients.client[LEAT_KAFKA_PRODUCER].transaction_ms * 1000,
        .tolerate = o->tolerance != 0,
    };
    if (!p->setup.once) client.offsets.topic = NULL;
    LEAT_TRY(leat_kafka_client_open(&client, &conf.broker, e));
    leat_rc rc = open_offsets(p, &conf, e);
    if (rc == LEAT_OK) return leat_kafka_open(&conf, &p->stream, e);
    conf.broker->ops->close(conf.broker, 0);
    return rc;
}
