/* What the options of the MySQL and MariaDB sources mean together. Run by any thread. */
#include "source/mysql/conf.h"

#include "config/regex.h"

leat_my_modes leat_my_conf_modes(const leat_my_conf *c)
{
    return (leat_my_modes){
        .decimal = (uint8_t)c->capture.decimal,
        .time = (uint8_t)c->capture.time,
        .binary = (uint8_t)c->capture.binary,
        .bigint = (uint8_t)c->bigint,
        .tinyint8 = c->tinyint == 1,
        .faults = c->faults,
    };
}

leat_my_target leat_my_conf_target(const leat_my_conf *c)
{
    static const leat_my_sslmode modes[] = {
        LEAT_MY_SSL_PREFERRED, LEAT_MY_SSL_DISABLED,        LEAT_MY_SSL_REQUIRED,
        LEAT_MY_SSL_VERIFY_CA, LEAT_MY_SSL_VERIFY_IDENTITY, LEAT_MY_SSL_DISABLED,
        LEAT_MY_SSL_REQUIRED,  LEAT_MY_SSL_VERIFY_CA,       LEAT_MY_SSL_VERIFY_IDENTITY,
    };
    leat_my_target t = c->target;
    t.sslmode = modes[c->ssl];
    return t;
}

/* ---- converters ---- */

#define BOOLEANS "TinyIntOneToBooleanConverter"

/* What the options of that kind say of the converter; NULL: nothing. */
static const char *said(const leat_opt_many *many, const char *name)
{
    for (size_t i = 0; i < many->n; i++)
        if (strcmp(many->v[i].star[0], name) == 0) return many->v[i].value;
    return NULL;
}

static bool is_booleans(const char *type)
{
    size_t n = type ? strlen(type) : 0, suffix = sizeof BOOLEANS - 1;
    return n >= suffix && strcmp(type + n - suffix, BOOLEANS) == 0;
}

static leat_rc selects(const char *selector, const char *table, const char *column, bool *yes,
                       leat_err *e)
{
    leat_arena a = {0};
    leat_regex_problem p;
    leat_rc rc = LEAT_OK;
    leat_opt_list list = leat_opt_list_of(selector, &a);
    const char *name = leat_arena_printf(&a, "%s.%s", table, column);
    *yes = false;
    for (size_t i = 0; i < list.n && rc == LEAT_OK && !*yes; i++) {
        const leat_regex *x = leat_regex_new(&a, leat_str_of(list.v[i]), &p);
        if (!x)
            rc = leat_fail(e, LEAT_CONF, "config.invalid", "converters",
                           "the selector \"%s\" is no regular expression: %s", list.v[i], p.msg);
        else
            rc = leat_regex_match(x, leat_str_of(name), yes, e);
    }
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_my_conf_boolean(const leat_my_conf *c, const char *table, const leat_my_column *column,
                             bool *yes, leat_err *e)
{
    *yes = false;
    if (strcmp(column->base, "tinyint") != 0) return LEAT_OK;
    for (size_t i = 0; i < c->converters.n && !*yes; i++) {
        const char *name = c->converters.v[i], *check = said(&c->converter_checks, name);
        const char *selector = said(&c->converter_selectors, name);
        bool wide = check && leat_str_ieq(leat_str_of(check), LEAT_STR("false"));
        if (column->length != 1 && !wide) continue;
        *yes = true;
        if (selector) LEAT_TRY(selects(selector, table, column->name, yes, e));
    }
    return LEAT_OK;
}

static void check_converters(const leat_my_conf *c, leat_report *r)
{
    for (size_t i = 0; i < c->converters.n; i++) {
        const char *name = c->converters.v[i], *type = said(&c->converter_types, name);
        if (!type)
            leat_report_add(r, false, "converters", 0,
                            "names %s, but there is no %s.type with its class", name, name);
        else if (!is_booleans(type))
            leat_report_add(r, false, "converters", 0,
                            "%s.type is %s, a Java class: the one converter that is there is "
                            "io.debezium.connector.binlog.converters." BOOLEANS
                            " (for dates and times see time.precision.mode)",
                            name, type);
    }
}

/* ---- together ---- */

static void check_snapshot(const leat_my_conf *c, leat_report *r)
{
    if (c->snapshot == LEAT_MY_SNAPSHOT_CUSTOM)
        leat_report_add(r, false, "snapshot.mode", 0,
                        "custom names a Java class, which does not run here: take the mode that "
                        "does what it did (always, initial, initial_only, no_data, when_needed, or "
                        "configuration_based with its options)");
    if (leat_my_based(c) && !c->capture.based_data && !c->capture.based_stream)
        leat_report_add(
            r, true, "snapshot.mode", 0,
            "configuration_based reads neither rows nor changes as long as neither of "
            "snapshot.mode.configuration.based.snapshot.data and .start.stream is true");
}

static void check_tls(const leat_my_conf *c, leat_report *r)
{
    leat_my_target t = leat_my_conf_target(c);
    if (leat_my_lacks_ca(&t))
        leat_report_add(r, false, "database.ssl.ca", 0,
                        "must be set for this database.ssl.mode: a PEM file with the authorities "
                        "that the server's certificate is checked by");
    if ((t.sslcert == NULL) != (t.sslkey == NULL))
        leat_report_add(r, false, t.sslcert ? "database.ssl.key" : "database.ssl.cert", 0,
                        "must be set together with %s",
                        t.sslcert ? "database.ssl.cert" : "database.ssl.key");
}

void leat_my_conf_validate(const void *conf, leat_report *r)
{
    const leat_my_conf *c = conf;
    leat_capture_validate(&c->capture, r);
    check_snapshot(c, r);
    check_tls(c, r);
    check_converters(c, r);
    if (c->gtid_include.n && c->gtid_exclude.n)
        leat_report_add(r, false, "gtid.source.includes", 0,
                        "excludes gtid.source.excludes: set one of the two");
    if (c->capture.heartbeat_query)
        leat_report_add(r, false, "heartbeat.action.query", 0,
                        "is not there yet for MySQL and MariaDB: take it out");
}
