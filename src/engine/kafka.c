/* A connector's stream in Kafka: from its options to the port to a producer and the delivery over
 * it.
 *
 * What is acknowledged stands in state.db. Nothing here waits for a broker. Run by whoever opens
 * the stream: the task's thread, or a command's under the connector's lock. */
#include "stream/kafka.h"
#include "engine/running.h"
#include "stream/kafka_client.h"

/* Parts of limits.memory: of what is on its way to Kafka, and of the client's queue. */
enum { WINDOW_PART = 16, QUEUE_PART = 4, WINDOW_MOST = 8 << 20 };

static leat_json_conf json_of(bool schemas, int64_t decimal, bool defaults)
{
    return (leat_json_conf){
        .schemas = schemas, .decimal_numeric = decimal != 0, .replace_null_with_default = defaults};
}

leat_rc leat_process_kafka(leat_process *p, leat_err *e)
{
    const leat_connector_conf *c = &p->setup.common;
    const leat_worker_conf *w = &p->setup.worker;
    leat_broker *broker = NULL;
    leat_kafka_client_conf client = {
        .kafka = &p->setup.clients,
        .connector = p->conf.name,
        .offsets = {w->offsets_topic, w->offsets_partitions, w->offsets_replication},
        .queue_bytes = (size_t)(c->memory / QUEUE_PART),
        .events = &p->events,
    };
    LEAT_TRY(leat_kafka_client_open(&client, &broker, e));
    size_t window = (size_t)(c->memory / WINDOW_PART);
    leat_kafka_conf conf = {
        .data = p->conf.data,
        .connector = p->conf.name,
        .broker = broker,
        .events = &p->events,
        .store = leat_state_delivered_store(p->state),
        .dead = leat_state_dead_store(p->state),
        .page = p->page,
        .key = json_of(c->key_schemas, c->key_decimal, c->key_defaults),
        .value = json_of(c->value_schemas, c->value_decimal, c->value_defaults),
        .header = json_of(c->header_schemas, 0, true),
        .json_headers = leat_str_is(leat_str_of(c->converters[2]), LEAT_JSON_CONVERTER),
        .window_bytes = window < WINDOW_MOST ? window : WINDOW_MOST,
        .away_us = p->setup.stream.spool_after_ms * 1000,
        .spool_bytes = p->setup.stream.spool_bytes,
        .compression = (leat_compression)p->setup.stream.compression,
        .tolerate = c->tolerance != 0,
    };
    return leat_kafka_open(&conf, &p->stream, e);
}
