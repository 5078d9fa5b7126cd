/* Logging in to Kafka: sasl.mechanism and sasl.jaas.config to librdkafka's options
 * (stream/kafka/conf.h).
 *
 * The login module must be the mechanism's own; an option of a module that is not known is a
 * refusal, since it may say how to log in. */
#include <stdatomic.h>

#include "base/json.h"
#include "base/log.h"
#include "stream/kafka/conf.h"
#include "stream/kafka/jaas.h"

static const char JAAS[] = "sasl.jaas.config", MECHANISM[] = "sasl.mechanism";

typedef struct login {
    const leat_kafka_client *c;
    leat_kafka_jaas jaas;
    rd_kafka_conf_t *conf;
    leat_arena *a;
} login;

typedef struct mechanism {
    const char *name, *module;
    leat_rc (*make)(const login *l, leat_err *e);
    const char *const *options; /* of the module, NULL-ended; "*" behind a prefix: all such */
} mechanism;

static leat_rc set(const login *l, const char *name, const char *value, leat_err *e)
{
    return leat_kafka_conf_set(l->conf, name, value, JAAS, e);
}

static leat_rc set_if(const login *l, const char *name, const char *option, leat_err *e)
{
    const char *value = leat_kafka_jaas_get(&l->jaas, option);
    return value ? set(l, name, value, e) : LEAT_OK;
}

static leat_rc make_password(const login *l, leat_err *e)
{
    const char *user = leat_kafka_jaas_get(&l->jaas, "username");
    const char *password = leat_kafka_jaas_get(&l->jaas, "password");
    const char *token = leat_kafka_jaas_get(&l->jaas, "tokenauth");
    if (token && leat_str_ieq(leat_str_of(token), LEAT_STR("true")))
        return leat_fail(e, LEAT_CONF, "kafka.jaas", JAAS,
                         "delegation tokens (tokenauth=true) are not supported; log in with a user "
                         "and its password");
    if (!user || !password)
        return leat_fail(e, LEAT_CONF, "kafka.jaas", JAAS,
                         "%s is missing; the module needs "
                         "username=\"...\" and password=\"...\"",
                         user ? "password" : "username");
    LEAT_TRY(set(l, "sasl.username", user, e));
    return set(l, "sasl.password", password, e);
}

/* ---- OAUTHBEARER ---- */

static const char EXTENSION[] = "extension_";

/* extension_NAME="VALUE" of the module, as "NAME=VALUE,...". */
static leat_rc set_extensions(const login *l, leat_err *e)
{
    leat_buf all = {0};
    for (const leat_kafka_jaas_option *o = l->jaas.first; o; o = o->next) {
        if (!leat_str_starts(leat_str_of(o->name), EXTENSION)) continue;
        if (all.len) leat_buf_u8(&all, ',');
        leat_buf_str_z(&all, o->name + sizeof EXTENSION - 1);
        leat_buf_u8(&all, '=');
        leat_buf_str_z(&all, o->value);
    }
    leat_rc rc = LEAT_OK;
    if (all.len) {
        leat_buf_u8(&all, 0);
        rc = set(l, "sasl.oauthbearer.extensions", all.p, e);
    }
    leat_buf_free(&all);
    return rc;
}

/* What the callback is given: librdkafka hands it this text alone. */
static leat_rc set_source(const login *l, const leat_kafka_oauth *o, leat_err *e)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "url", o->url);
    leat_jw_z(&w, "id", o->id);
    leat_jw_z(&w, "secret", o->secret);
    leat_jw_z(&w, "scope", o->scope);
    leat_jw_array(&w, "extensions");
    for (const leat_kafka_jaas_option *x = l->jaas.first; x; x = x->next) {
        if (!leat_str_starts(leat_str_of(x->name), EXTENSION)) continue;
        leat_jw_z(&w, NULL, x->name + sizeof EXTENSION - 1);
        leat_jw_z(&w, NULL, x->value);
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_buf_u8(&text, 0);
    leat_rc rc = set(l, "sasl.oauthbearer.config", text.p, e);
    leat_buf_free(&text);
    return rc;
}

static const char *text_of(const leat_json *j, const char *name)
{
    return leat_json_get_str(j, name).s;
}

/* In a thread of librdkafka's, for it may take a while. A failure is tried again by librdkafka, in
 * ten seconds. */
static void on_refresh(rd_kafka_t *rk, const char *source, void *opaque)
{
    leat_arena a = {0};
    leat_err err = {0};
    leat_kafka_token token;
    const leat_json *j = NULL;
    const char *extensions[32];
    char why[256] = "";
    size_t n = 0;
    (void)opaque;
    leat_rc rc = leat_json_parse(&a, leat_str_of(source), &j, &err);
    const leat_kafka_oauth o = {text_of(j, "url"), text_of(j, "id"), text_of(j, "secret"),
                                text_of(j, "scope")};
    const leat_json *list = leat_json_get(j, "extensions");
    for (const leat_json *x = list ? list->child : NULL; x && n < 32; x = x->next)
        extensions[n++] = x->text.s;
    if (rc == LEAT_OK) rc = leat_kafka_token_fetch(&o, &a, &token, &err);
    if (rc == LEAT_OK &&
        rd_kafka_oauthbearer_set_token(rk, token.value, token.until_ms, token.principal, extensions,
                                       n, why, sizeof why))
        rc = leat_fail(&err, LEAT_RETRY, "kafka.token", o.url, "the token cannot be used: %s", why);
    if (rc != LEAT_OK) {
        leat_log_err(LEAT_WARN, &err);
        rd_kafka_oauthbearer_set_token_failure(rk, err.msg);
    }
    leat_arena_free(&a);
}

/* Without libcurl, librdkafka's own way, if it was built with that. */
static leat_rc make_oidc(const login *l, const leat_kafka_oauth *o, leat_err *e)
{
    LEAT_TRY(set(l, "sasl.oauthbearer.method", "oidc", e));
    LEAT_TRY(leat_kafka_conf_set(l->conf, "sasl.oauthbearer.token.endpoint.url", o->url,
                                 "sasl.oauthbearer.token.endpoint.url", e));
    LEAT_TRY(set(l, "sasl.oauthbearer.client.id", o->id, e));
    LEAT_TRY(set(l, "sasl.oauthbearer.client.secret", o->secret, e));
    if (o->scope) LEAT_TRY(set(l, "sasl.oauthbearer.scope", o->scope, e));
    return set_extensions(l, e);
}

/* What the log-in module says counts before the options of Kafka 4.1. */
static leat_kafka_oauth source_of(const leat_kafka_client *c, const leat_kafka_jaas *jaas)
{
    const char *id = leat_kafka_jaas_get(jaas, "clientId");
    const char *secret = leat_kafka_jaas_get(jaas, "clientSecret");
    const char *scope = leat_kafka_jaas_get(jaas, "scope");
    return (leat_kafka_oauth){
        .url = c->token_url,
        .id = id ? id : c->oauth_id,
        .secret = secret ? secret : c->oauth_secret,
        .scope = scope ? scope : c->oauth_scope,
    };
}

static leat_rc make_oauth(const login *l, leat_err *e)
{
    static const char HANDLER[] = "OAuthBearerLoginCallbackHandler";
    const char *callback = l->c->callback, *dot = callback ? strrchr(callback, '.') : NULL;
    const char *unsecured = leat_kafka_jaas_get(&l->jaas, "unsecuredLoginStringClaim_sub");
    if (callback && *callback && strcmp(dot ? dot + 1 : callback, HANDLER) != 0)
        return leat_fail(e, LEAT_CONF, "kafka.option", "sasl.login.callback.handler.class",
                         "the Java class %s cannot be used; %s is known", callback, HANDLER);
    if (unsecured) {
        LEAT_TRY(set(l, "enable.sasl.oauthbearer.unsecure.jwt", "true", e));
        return set(l, "sasl.oauthbearer.config", leat_arena_printf(l->a, "principal=%s", unsecured),
                   e);
    }
    const leat_kafka_oauth o = source_of(l->c, &l->jaas);
    if (!o.url || !*o.url)
        return leat_fail(e, LEAT_CONF, "kafka.option", "sasl.oauthbearer.token.endpoint.url",
                         "is required for OAUTHBEARER, but not set");
    if (!o.id || !o.secret)
        return leat_fail(e, LEAT_CONF, "kafka.jaas", JAAS,
                         "the module needs clientId=\"...\" and clientSecret=\"...\"");
    if (!leat_kafka_token_built()) return make_oidc(l, &o, e);
    rd_kafka_conf_enable_sasl_queue(l->conf, 1);
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(l->conf, on_refresh);
    return set_source(l, &o, e);
}

leat_rc leat_kafka_sasl_oauth(const leat_kafka_client *c, leat_arena *a, leat_kafka_oauth *out,
                              leat_err *e)
{
    leat_kafka_jaas jaas = {0};
    *out = (leat_kafka_oauth){0};
    if (!leat_str_ieq(leat_str_of(c->mechanism), LEAT_STR("OAUTHBEARER")) || !c->token_url ||
        !leat_kafka_token_built())
        return LEAT_OK;
    LEAT_TRY(leat_kafka_jaas_parse(leat_str_of(c->jaas ? c->jaas : ""), a, &jaas, e));
    if (leat_kafka_jaas_get(&jaas, "unsecuredLoginStringClaim_sub")) return LEAT_OK;
    *out = source_of(c, &jaas);
    return LEAT_OK;
}

/* ---- GSSAPI ---- */

static leat_rc make_kerberos(const login *l, leat_err *e)
{
    const char *service = leat_kafka_jaas_get(&l->jaas, "serviceName");
    const char *keytab = leat_kafka_jaas_get(&l->jaas, "keyTab");
    if (service && l->c->kerberos_service && strcmp(service, l->c->kerberos_service) != 0)
        return leat_fail(e, LEAT_CONF, "kafka.jaas", JAAS,
                         "serviceName is \"%s\", but sasl.kerberos.service.name \"%s\"", service,
                         l->c->kerberos_service);
    if (!service) service = l->c->kerberos_service;
    if (service)
        LEAT_TRY(leat_kafka_conf_set(l->conf, "sasl.kerberos.service.name", service,
                                     "sasl.kerberos.service.name", e));
    LEAT_TRY(set_if(l, "sasl.kerberos.principal", "principal", e));
    LEAT_TRY(set_if(l, "sasl.kerberos.keytab", "keyTab", e));
    if (l->c->kinit && *l->c->kinit && strchr(l->c->kinit, '%'))
        LEAT_TRY(leat_kafka_conf_set(l->conf, "sasl.kerberos.kinit.cmd", l->c->kinit,
                                     "sasl.kerberos.kinit.cmd", e));
    /* Without a key table the ticket is the user's, and renewed by the user. */
    return leat_kafka_conf_i64(l->conf, "sasl.kerberos.min.time.before.relogin",
                               keytab ? l->c->relogin_ms : 0,
                               "sasl.kerberos.min.time.before.relogin", e);
}

static const char *const password_options[] = {"username", "password", "tokenauth", NULL};
static const char *const oauth_options[] = {"clientId",    "clientSecret",    "scope",
                                            "extension_*", "unsecuredLogin*", NULL};
static const char *const kerberos_options[] = {
    "useKeyTab",   "storeKey",          "keyTab", "principal",   "serviceName", "useTicketCache",
    "renewTicket", "refreshKrb5Config", "debug",  "doNotPrompt", "isInitiator", NULL};

static const mechanism MECHANISMS[] = {
    {"PLAIN", "PlainLoginModule", make_password, password_options},
    {"SCRAM-SHA-256", "ScramLoginModule", make_password, password_options},
    {"SCRAM-SHA-512", "ScramLoginModule", make_password, password_options},
    {"OAUTHBEARER", "OAuthBearerLoginModule", make_oauth, oauth_options},
    {"GSSAPI", "Krb5LoginModule", make_kerberos, kerberos_options},
};

static bool is_known(const mechanism *m, const char *name)
{
    for (const char *const *o = m->options; *o; o++) {
        size_t len = strlen(*o);
        if (strcmp(*o, name) == 0) return true;
        if ((*o)[len - 1] == '*' && strncmp(*o, name, len - 1) == 0) return true;
    }
    return false;
}

static leat_rc check_module(const mechanism *m, const leat_kafka_jaas *jaas, leat_err *e)
{
    const char *module = leat_kafka_jaas_module(jaas);
    if (strcmp(module, m->module) != 0)
        return leat_fail(e, LEAT_CONF, "kafka.jaas", JAAS,
                         "the login module is %s, but sasl.mechanism=%s goes with %s", module,
                         m->name, m->module);
    for (const leat_kafka_jaas_option *o = jaas->first; o; o = o->next)
        if (!is_known(m, o->name))
            return leat_fail(e, LEAT_CONF, "kafka.jaas", JAAS,
                             "the option \"%s\" of %s is not supported; take it out", o->name,
                             module);
    return LEAT_OK;
}

static leat_rc make(const mechanism *m, login *l, leat_err *e)
{
    if (l->c->jaas && *l->c->jaas) {
        LEAT_TRY(leat_kafka_jaas_parse(leat_str_of(l->c->jaas), l->a, &l->jaas, e));
        LEAT_TRY(check_module(m, &l->jaas, e));
    } else if (m->make != make_kerberos) {
        return leat_fail(e, LEAT_CONF, "kafka.jaas", JAAS,
                         "is required for %s, but not set: org.apache.kafka.common.security...%s "
                         "required ...;",
                         m->name, m->module);
    }
    LEAT_TRY(leat_kafka_conf_set(l->conf, MECHANISM, m->name, MECHANISM, e));
    return m->make(l, e);
}

/* The mechanism that was configured last in this process is SCRAM. */
static atomic_bool by_scram;

/* Before 2.6.1 librdkafka's SCRAM repeats the client's nonce, which brokers took until Kafka 3.9.
 */
const char *leat_kafka_login_advice(void)
{
    enum { MENDED = 0x020601ff };
    return atomic_load(&by_scram) && rd_kafka_version() < MENDED
               ? "; brokers of Kafka 4.0 and later refuse each log-in by SCRAM of a librdkafka that "
                 "is older than 2.6.1, as this one is: put a newer librdkafka.so.1 in its place, or "
                 "log in by PLAIN over TLS or by a certificate"
               : "";
}

leat_rc leat_kafka_sasl_make(const leat_kafka_client *c, rd_kafka_conf_t *conf, leat_err *e)
{
    for (size_t i = 0; i < sizeof MECHANISMS / sizeof MECHANISMS[0]; i++) {
        const mechanism *m = &MECHANISMS[i];
        if (!leat_str_ieq(leat_str_of(c->mechanism), leat_str_of(m->name))) continue;
        leat_arena a;
        leat_arena_init(&a, 0);
        atomic_store(&by_scram, leat_str_starts(leat_str_of(m->name), "SCRAM"));
        login l = {.c = c, .conf = conf, .a = &a};
        leat_rc rc = make(m, &l, e);
        leat_arena_free(&a);
        return rc;
    }
    return leat_fail(
        e, LEAT_CONF, "kafka.option", MECHANISM,
        "must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI, got \"%s\"",
        c->mechanism);
}
