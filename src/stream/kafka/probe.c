/* Questions to a cluster that change nothing there (stream/kafka/probe.h). */
#include "stream/kafka/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"

enum { HOST_MAX = 256 };

/* ---- hosts ---- */

/* "host:port", "[::1]:port", with a protocol in front of it or not; 9092 where none is said. */
static void split(const char *text, char host[HOST_MAX], char port[16])
{
    const char *protocol = strstr(text, "://"), *from = protocol ? protocol + 3 : text;
    const char *colon = strrchr(from, ':'), *close = strchr(from, ']');
    if (colon && close && colon < close) colon = NULL;
    if (*from == '[' && close)
        snprintf(host, HOST_MAX, "%.*s", (int)(close - from - 1), from + 1);
    else
        snprintf(host, HOST_MAX, "%.*s", colon ? (int)(colon - from) : HOST_MAX - 1, from);
    snprintf(port, 16, "%s", colon ? colon + 1 : "9092");
}

/* 0, or -errno. */
static int try_address(const struct addrinfo *to, int ms)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    if (fd < 0) return -errno;
    int err = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : -errno;
    if (err == -EINPROGRESS) {
        int ready = leat_os_wait_fd(fd, true, ms), told = 0;
        socklen_t len = sizeof told;
        if (ready == 0)
            err = -ETIMEDOUT;
        else if (ready < 0)
            err = ready;
        else
            err = getsockopt(fd, SOL_SOCKET, SO_ERROR, &told, &len) == 0 ? -told : -errno;
    }
    close(fd);
    return err;
}

bool leat_kafka_probe_host(const char *host_port, int ms, char *why, size_t size)
{
    char host[HOST_MAX], port[16];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    split(host_port, host, port);
    int err = getaddrinfo(host, port, &hints, &found);
    if (err) {
        snprintf(why, size, "%s cannot be resolved: %s", host, gai_strerror(err));
        return false;
    }
    err = -ENOENT;
    for (const struct addrinfo *at = found; at && err; at = at->ai_next) err = try_address(at, ms);
    freeaddrinfo(found);
    if (err) snprintf(why, size, "%s port %s: %s", host, port, leat_os_strerror(err));
    return err == 0;
}

/* ---- rights ---- */

static void on_probe(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    *(rd_kafka_resp_err_t *)opaque = m->err;
}

/* It tells when the producer has its number. */
static int on_numbers(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    static const char KEY[] = "\"idemp_state\"", HAS[] = "\"Assigned\"";
    const char *at = memmem(json, len, KEY, sizeof KEY - 1);
    (void)rk;
    if (at && memmem(at, (size_t)(json + len - at) < 40 ? (size_t)(json + len - at) : 40, HAS,
                     sizeof HAS - 1))
        *(rd_kafka_resp_err_t *)opaque = RD_KAFKA_RESP_ERR_NO_ERROR;
    return 0;
}

/* sets: names and values in turn, NULL-ended. */
static rd_kafka_t *producer(const leat_kafka_client *c, const char *const *sets,
                            rd_kafka_resp_err_t *told)
{
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;
    if (leat_kafka_conf_make(c, LEAT_KAFKA_PRODUCER, "leat-check", &conf, NULL) != LEAT_OK)
        return NULL;
    rd_kafka_conf_set_opaque(conf, told);
    rd_kafka_conf_set_dr_msg_cb(conf, on_probe);
    rd_kafka_conf_set_stats_cb(conf, on_numbers);
    leat_rc rc = leat_kafka_conf_set(conf, "message.send.max.retries", "2", "check", NULL);
    for (; *sets && rc == LEAT_OK; sets += 2)
        rc = leat_kafka_conf_set(conf, sets[0], sets[1], "check", NULL);
    if (rc != LEAT_OK) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return leat_kafka_conf_new(conf, LEAT_KAFKA_PRODUCER, &rk, NULL) == LEAT_OK ? rk : NULL;
}

rd_kafka_resp_err_t leat_kafka_probe_write(const leat_kafka_client *c, const char *topic, int ms)
{
    rd_kafka_resp_err_t told = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_t *rk = producer(c, (const char *[]){"request.required.acks", "2", NULL}, &told);
    if (!rk) return RD_KAFKA_RESP_ERR__INVALID_ARG;
    const rd_kafka_vu_t v[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = 0},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(rk, v, sizeof v / sizeof v[0]);
    rd_kafka_resp_err_t err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error) rd_kafka_error_destroy(error);
    if (!err) {
        rd_kafka_flush(rk, ms);
        err = told;
    }
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(rk);
    return err == RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS ? RD_KAFKA_RESP_ERR_NO_ERROR : err;
}

rd_kafka_resp_err_t leat_kafka_probe_read(rd_kafka_t *rk, const char *topic, int ms)
{
    enum { TURN_MS = 200 };
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    int64_t until = leat_mono_us() + ms * INT64_C(1000);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    if (!rkt || rd_kafka_consume_start(rkt, 0, RD_KAFKA_OFFSET_END) != 0) {
        err = rd_kafka_last_error();
        if (rkt) rd_kafka_topic_destroy(rkt);
        return err;
    }
    while (err == RD_KAFKA_RESP_ERR__TIMED_OUT && leat_mono_us() < until) {
        rd_kafka_message_t *m = rd_kafka_consume(rkt, 0, TURN_MS);
        if (!m) continue;
        if (!m->err || m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            err = RD_KAFKA_RESP_ERR_NO_ERROR;
        else if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
            err = m->err;
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consume_stop(rkt, 0);
    rd_kafka_topic_destroy(rkt);
    return err;
}

rd_kafka_resp_err_t leat_kafka_probe_numbers(const leat_kafka_client *c, int ms, char *why,
                                             size_t size)
{
    static const char *const SETS[] = {"enable.idempotence", "true", "statistics.interval.ms", "50",
                                       NULL};
    enum { TURN_MS = 50 };
    rd_kafka_resp_err_t told = RD_KAFKA_RESP_ERR__TIMED_OUT, err = RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t until = leat_mono_us() + ms * INT64_C(1000);
    rd_kafka_t *rk = producer(c, SETS, &told);
    if (!rk) return RD_KAFKA_RESP_ERR__INVALID_ARG;
    while (told && !err && leat_mono_us() < until) {
        rd_kafka_poll(rk, TURN_MS);
        err = rd_kafka_fatal_error(rk, why, size);
    }
    rd_kafka_destroy(rk);
    return err ? err : told;
}

rd_kafka_resp_err_t leat_kafka_probe_id(const leat_kafka_client *c, const char *id,
                                        int64_t timeout_ms, int ms, char *why, size_t size)
{
    char timeout[24];
    rd_kafka_resp_err_t told = RD_KAFKA_RESP_ERR_NO_ERROR;
    snprintf(timeout, sizeof timeout, "%" PRId64, timeout_ms);
    const char *sets[] = {"transactional.id", id, "transaction.timeout.ms", timeout, NULL};
    rd_kafka_t *rk = producer(c, sets, &told);
    if (!rk) return RD_KAFKA_RESP_ERR__INVALID_ARG;
    rd_kafka_error_t *error = rd_kafka_init_transactions(rk, ms);
    rd_kafka_resp_err_t err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error) snprintf(why, size, "%s", rd_kafka_error_string(error));
    char fatal[300];
    rd_kafka_resp_err_t end = rd_kafka_fatal_error(rk, fatal, sizeof fatal);
    if (err && end) snprintf(why, size, "%s", fatal);
    if (err && end) err = end;
    if (error) rd_kafka_error_destroy(error);
    rd_kafka_destroy(rk);
    return err;
}

/* ---- administration ---- */

/* One event of the operation, to be destroyed; NULL: none in time. */
static rd_kafka_event_t *answer(rd_kafka_queue_t *queue, int ms)
{
    return rd_kafka_queue_poll(queue, ms + 1000);
}

rd_kafka_resp_err_t leat_kafka_probe_make(rd_kafka_t *rk, const char *topic,
                                          const leat_kafka_group *g, int ms, char *why, size_t size)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_NewTopic_t *wanted =
        rd_kafka_NewTopic_new(topic, (int)g->partitions, (int)g->replication, why, size);
    if (!wanted) return RD_KAFKA_RESP_ERR__INVALID_ARG;
    for (const leat_prop *c = g->configs.first; c; c = c->next)
        rd_kafka_NewTopic_set_config(wanted, c->name, c->value);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, ms, why, size);
    rd_kafka_AdminOptions_set_validate_only(options, 1, why, size);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &wanted, 1, options, queue);
    rd_kafka_event_t *event = answer(queue, ms);
    const rd_kafka_CreateTopics_result_t *result =
        event ? rd_kafka_event_CreateTopics_result(event) : NULL;
    size_t n = 0;
    const rd_kafka_topic_result_t **all =
        result ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
    if (event) err = rd_kafka_event_error(event);
    if (n > 0) {
        const char *said = rd_kafka_topic_result_error_string(all[0]);
        err = rd_kafka_topic_result_error(all[0]);
        snprintf(why, size, "%s", said ? said : rd_kafka_err2str(err));
    } else {
        snprintf(why, size, "%s", rd_kafka_err2str(err));
    }
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(wanted);
    return err;
}

static bool take_setting(rd_kafka_event_t *event, const char *name, char *value, size_t size)
{
    size_t n = 0, m = 0;
    const rd_kafka_DescribeConfigs_result_t *result =
        event ? rd_kafka_event_DescribeConfigs_result(event) : NULL;
    const rd_kafka_ConfigResource_t **all =
        result ? rd_kafka_DescribeConfigs_result_resources(result, &n) : NULL;
    if (n == 0 || rd_kafka_ConfigResource_error(all[0])) return false;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(all[0], &m);
    for (size_t i = 0; i < m; i++) {
        const char *text = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) != 0 || !text) continue;
        snprintf(value, size, "%s", text);
        return true;
    }
    return false;
}

bool leat_kafka_probe_setting(rd_kafka_t *rk, const char *topic, const char *name, int ms,
                              char *value, size_t size)
{
    char why[128], broker[16];
    snprintf(broker, sizeof broker, "%d", (int)rd_kafka_controllerid(rk, ms));
    rd_kafka_ConfigResource_t *of = rd_kafka_ConfigResource_new(
        topic ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_BROKER, topic ? topic : broker);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_AdminOptions_set_request_timeout(options, ms, why, sizeof why);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DescribeConfigs(rk, &of, 1, options, queue);
    rd_kafka_event_t *event = answer(queue, ms);
    bool found = take_setting(event, name, value, size);
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(of);
    return found;
}
