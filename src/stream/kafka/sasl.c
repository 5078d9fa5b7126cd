/* Logging in to Kafka: sasl.mechanism and sasl.jaas.config to librdkafka's options
 * (stream/kafka/conf.h).
 *
 * The login module must be the mechanism's own; an option of a module that is not known is a
 * refusal, since it may say how to log in. */
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

/* extension_NAME="VALUE" of the module, as "NAME=VALUE,...". */
static leat_rc set_extensions(const login *l, leat_err *e)
{
    static const char PREFIX[] = "extension_";
    leat_buf all = {0};
    for (const leat_kafka_jaas_option *o = l->jaas.first; o; o = o->next) {
        if (!leat_str_starts(leat_str_of(o->name), PREFIX)) continue;
        if (all.len) leat_buf_u8(&all, ',');
        leat_buf_str_z(&all, o->name + sizeof PREFIX - 1);
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
    if (!l->c->token_url || !*l->c->token_url)
        return leat_fail(e, LEAT_CONF, "kafka.option", "sasl.oauthbearer.token.endpoint.url",
                         "is required for OAUTHBEARER, but not set");
    if (!leat_kafka_jaas_get(&l->jaas, "clientId") ||
        !leat_kafka_jaas_get(&l->jaas, "clientSecret"))
        return leat_fail(e, LEAT_CONF, "kafka.jaas", JAAS,
                         "the module needs clientId=\"...\" and clientSecret=\"...\"");
    LEAT_TRY(set(l, "sasl.oauthbearer.method", "oidc", e));
    LEAT_TRY(leat_kafka_conf_set(l->conf, "sasl.oauthbearer.token.endpoint.url", l->c->token_url,
                                 "sasl.oauthbearer.token.endpoint.url", e));
    LEAT_TRY(set_if(l, "sasl.oauthbearer.client.id", "clientId", e));
    LEAT_TRY(set_if(l, "sasl.oauthbearer.client.secret", "clientSecret", e));
    LEAT_TRY(set_if(l, "sasl.oauthbearer.scope", "scope", e));
    return set_extensions(l, e);
}

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

/* Before 2.6.1 librdkafka's SCRAM repeats the client's nonce, which brokers took until Kafka 3.9.
 */
const char *leat_kafka_login_advice(void)
{
    enum { MENDED = 0x020601ff };
    return rd_kafka_version() < MENDED
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
