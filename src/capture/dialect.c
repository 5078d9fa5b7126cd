/* What all dialects share: finding one, JDBC's patterns, quoting (capture/dialect.h).
 * Pure; any thread. */
#include "capture/dialect.h"

const char *const leat_sql_isolations[] = {"DEFAULT",         "READ_UNCOMMITTED", "READ_COMMITTED",
                                           "REPEATABLE_READ", "SERIALIZABLE",     NULL};

/* "postgresql" of "jdbc:postgresql://..."; absent if it is no such URL. */
static leat_str protocol_of(leat_str url)
{
    leat_str rest = url, scheme = leat_str_cut(&rest, ':');
    if (!leat_str_is(scheme, "jdbc") || !rest.s) return (leat_str){0};
    leat_str protocol = leat_str_cut(&rest, ':');
    return rest.s && protocol.len > 0 ? protocol : (leat_str){0};
}

static const char *known(leat_buf *out)
{
    for (const leat_dialect *const *d = leat_dialects; *d; d++)
        leat_buf_printf(out, "%sjdbc:%s:", out->len ? ", " : "", (*d)->protocols[0]);
    leat_buf_u8(out, 0);
    return out->p;
}

leat_rc leat_dialect_find(const char *url, const char *name, const leat_dialect **out, leat_err *e)
{
    leat_str protocol = protocol_of(leat_str_of(url ? url : ""));
    bool named = name && *name;
    for (const leat_dialect *const *d = leat_dialects; *d; d++) {
        if (named && strcmp((*d)->klass, name) != 0) continue;
        for (const char *const *p = (*d)->protocols; *p; p++) {
            if (!named && !leat_str_is(protocol, *p)) continue;
            *out = *d;
            return LEAT_OK;
        }
    }
    leat_buf all = {0};
    known(&all);
    leat_rc rc;
    if (named)
        rc = leat_fail(e, LEAT_CONF, "query.dialect", "dialect.name",
                       "\"%s\" is no dialect of this build, which reads %s", name, all.p);
    else if (!protocol.s)
        rc = leat_fail(e, LEAT_CONF, "query.dialect", "connection.url",
                       "is no JDBC URL such as jdbc:postgresql://HOST:PORT/DATABASE; this build "
                       "reads %s",
                       all.p);
    else
        rc = leat_fail(e, LEAT_CONF, "query.dialect", "connection.url",
                       "databases of jdbc:" LEAT_STR_FMT ": cannot be read by this build, which "
                       "reads %s",
                       LEAT_STR_ARG(protocol), all.p);
    leat_buf_free(&all);
    return rc;
}

void leat_dialect_quote(const leat_dialect *d, bool quote, leat_str name, leat_buf *out)
{
    if (!quote) {
        leat_buf_add(out, name);
        return;
    }
    leat_buf_u8(out, (unsigned char)d->open_quote);
    for (size_t i = 0; i < name.len; i++) {
        if (name.s[i] == d->close_quote) leat_buf_u8(out, (unsigned char)d->close_quote);
        leat_buf_u8(out, (unsigned char)name.s[i]);
    }
    leat_buf_u8(out, (unsigned char)d->close_quote);
}

bool leat_dialect_offset(const char *zone, int64_t *us)
{
    static const char *const utc[] = {"UTC", "Z", "GMT", "UCT", "Etc/UTC", "Etc/GMT", "Zulu"};
    *us = 0;
    for (size_t i = 0; i < sizeof utc / sizeof *utc; i++)
        if (strcmp(zone, utc[i]) == 0) return true;
    bool west = strncmp(zone, "Etc/GMT", 7) == 0; /* these count the other way */
    if (west)
        zone += 7;
    else if (strncmp(zone, "UTC", 3) == 0 || strncmp(zone, "GMT", 3) == 0)
        zone += 3;
    if (*zone != '+' && *zone != '-') return false;
    leat_str minutes = leat_str_of(zone + 1), hours = leat_str_cut(&minutes, ':');
    uint64_t h, m = 0;
    if (!leat_str_u64(hours, &h) || h > 18 || (minutes.s && !leat_str_u64(minutes, &m)) || m > 59)
        return false;
    *us = (int64_t)(h * 60 + m) * 60000000 * ((*zone == '-') != west ? -1 : 1);
    return true;
}

int64_t leat_dialect_grain(const leat_sql_stamp *stamp)
{
    int64_t grain = 1;
    for (size_t i = 0; i < stamp->n; i++)
        if (stamp->cols[i]->grain_us > grain) grain = stamp->cols[i]->grain_us;
    return grain;
}

/* Where the character behind p begins. */
static const char *behind(const char *p, const char *end)
{
    p++;
    while (p < end && ((unsigned char)*p & 0xc0) == 0x80) p++;
    return p;
}

/* By backing up to the last % alone, so that the work is bounded by the product of the lengths. */
bool leat_dialect_like(leat_str text, const char *pattern)
{
    const char *t = text.s, *end = text.s + text.len, *p = pattern;
    const char *again_p = NULL, *again_t = NULL;
    while (t < end) {
        bool plain = *p == '\\' && (p[1] == '%' || p[1] == '_' || p[1] == '\\');
        if (*p == '%') {
            again_p = ++p;
            again_t = t;
        } else if (*p && (plain ? p[1] == *t : *p == '_' || *p == *t)) {
            t = *p == '_' ? behind(t, end) : t + 1;
            p += plain ? 2 : 1;
        } else if (again_p) {
            p = again_p;
            t = again_t = behind(again_t, end);
        } else {
            return false;
        }
    }
    while (*p == '%') p++;
    return *p == 0;
}
