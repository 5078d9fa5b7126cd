/* The producer's own ceiling: librdkafka alone, sending records of the same bytes with the settings
 * that leat gives it.
 *
 *     producer BROKERS TOPIC RECORDS KEY-BYTES VALUE-FILE CODEC QUEUE-BYTES [HEADER=TEXT ...]
 *
 * VALUE-FILE: a value on each line, sent in turn, so that compression finds what it finds in
 * leat's. Keys are numbers, padded; the headers are those of each record. Ends when all are
 * acknowledged by all replicas. One thread beside librdkafka's own. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 4096, LINE_MAX_BYTES = 1 << 16, KEY_MAX = 256, ARGS = 8 };

typedef struct values {
    char *v[VALUES_MAX];
    size_t len[VALUES_MAX], n;
} values;

static long failed;

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err) failed++;
}

static _Noreturn void die(const char *why)
{
    fprintf(stderr, "producer: %s\n", why);
    exit(1);
}

static void load(values *all, const char *path)
{
    static char line[LINE_MAX_BYTES];
    FILE *f = fopen(path, "r");
    if (!f) die("cannot open the file of values");
    while (all->n < VALUES_MAX && fgets(line, sizeof line, f)) {
        size_t len = strcspn(line, "\n");
        line[len] = 0;
        all->v[all->n] = strdup(line);
        all->len[all->n++] = len;
    }
    fclose(f);
    if (all->n == 0) die("the file of values is empty");
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[200];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) die(why);
}

static rd_kafka_t *open_producer(char **argv)
{
    char why[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", argv[1]);
    set(conf, "enable.idempotence", "true");
    set(conf, "enable.gapless.guarantee", "true");
    set(conf, "message.timeout.ms", "0");
    set(conf, "queue.buffering.max.ms", "2000"); /* full batches; the end is flushed */
    set(conf, "batch.size", "1000000");
    set(conf, "compression.codec", argv[6]);
    set(conf, "partitioner", "murmur2_random");
    set(conf, "queue.buffering.max.messages", "10000000");
    snprintf(why, sizeof why, "%ld", strtol(argv[7], NULL, 10) / 1024);
    set(conf, "queue.buffering.max.kbytes", why);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!rk) die(why);
    return rk;
}

static rd_kafka_headers_t *headers_of(char **args, int n)
{
    rd_kafka_headers_t *headers = n > 0 ? rd_kafka_headers_new((size_t)n) : NULL;
    for (int i = 0; i < n; i++) {
        size_t name = strcspn(args[i], "=");
        const char *text = args[i] + name + (args[i][name] == '=');
        rd_kafka_header_add(headers, args[i], (ssize_t)name, text, (ssize_t)strlen(text));
    }
    return headers;
}

/* False: the queue is full. */
static int send_one(rd_kafka_t *rk, rd_kafka_topic_t *topic, char *key, size_t width, char *value,
                    size_t len, rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t v[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = RD_KAFKA_PARTITION_UA},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key, width}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(rk, v, headers ? 6 : 5);
    if (!error) return 1;
    if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        die(rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    if (headers) rd_kafka_headers_destroy(headers);
    return 0;
}

int main(int argc, char **argv)
{
    static values all;
    char key[KEY_MAX];
    if (argc < ARGS)
        die("usage: producer BROKERS TOPIC RECORDS KEY-BYTES VALUE-FILE CODEC QUEUE "
            "[HEADER=TEXT ...]");
    long n = strtol(argv[3], NULL, 10), width = strtol(argv[4], NULL, 10);
    if (width < 1 || width >= KEY_MAX) die("KEY-BYTES is from 1 to 255");
    load(&all, argv[5]);
    rd_kafka_t *rk = open_producer(argv);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
    for (long i = 0; i < n;) {
        size_t k = (size_t)i % all.n;
        snprintf(key, sizeof key, "%0*ld", (int)width, i);
        if (send_one(rk, topic, key, (size_t)width, all.v[k], all.len[k],
                     headers_of(argv + ARGS, argc - ARGS)))
            i++;
        else
            rd_kafka_poll(rk, 10); /* the queue is full */
        if (i % 1000 == 0) rd_kafka_poll(rk, 0);
    }
    while (rd_kafka_flush(rk, 1000)) continue;
    if (failed) die("records were refused");
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return 0;
}
