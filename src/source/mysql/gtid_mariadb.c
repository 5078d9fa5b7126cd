/* MariaDB's GTID positions: "0-1-100,1-2-3", the last id of each domain; and texts of either
 * server. */
#include <stdio.h>

#include "source/mysql/gtid.h"

void leat_mariadb_gtids_free(leat_mariadb_gtids *s)
{
    leat_free(s->ids);
    *s = (leat_mariadb_gtids){0};
}

void leat_mariadb_gtids_copy(leat_mariadb_gtids *to, const leat_mariadb_gtids *s)
{
    leat_mariadb_gtids copy = {.n = s->n, .cap = s->n};
    if (s->n) {
        copy.ids = leat_alloc(s->n * sizeof *copy.ids);
        memcpy(copy.ids, s->ids, s->n * sizeof *copy.ids);
    }
    leat_free(to->ids);
    *to = copy;
}

static uint32_t place_of(const leat_mariadb_gtids *s, uint32_t domain)
{
    uint32_t low = 0, high = s->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->ids[mid].domain < domain)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const leat_mariadb_gtid *leat_mariadb_gtids_get(const leat_mariadb_gtids *s, uint32_t domain)
{
    uint32_t at = place_of(s, domain);
    return at < s->n && s->ids[at].domain == domain ? &s->ids[at] : NULL;
}

static void insert(leat_mariadb_gtids *s, uint32_t at, const leat_mariadb_gtid *id)
{
    if (s->n == s->cap) {
        s->cap = s->cap * 2 + 2;
        s->ids = leat_realloc(s->ids, s->cap * sizeof *s->ids);
    }
    memmove(s->ids + at + 1, s->ids + at, (s->n - at) * sizeof *s->ids);
    s->ids[at] = *id;
    s->n++;
}

void leat_mariadb_gtids_set(leat_mariadb_gtids *s, const leat_mariadb_gtid *id)
{
    uint32_t at = place_of(s, id->domain);
    if (at < s->n && s->ids[at].domain == id->domain)
        s->ids[at] = *id;
    else
        insert(s, at, id);
}

bool leat_mariadb_gtids_has(const leat_mariadb_gtids *s, const leat_mariadb_gtid *id)
{
    const leat_mariadb_gtid *at = leat_mariadb_gtids_get(s, id->domain);
    return at && id->seq <= at->seq;
}

bool leat_mariadb_gtids_surely_has(const leat_mariadb_gtids *s, const leat_mariadb_gtid *id)
{
    for (uint32_t i = 0; i < s->n; i++) {
        const leat_mariadb_gtid *at = &s->ids[i];
        if (at->domain == id->domain && at->server == id->server) return id->seq <= at->seq;
    }
    return false;
}

bool leat_mariadb_gtids_contains(const leat_mariadb_gtids *s, const leat_mariadb_gtids *sub)
{
    for (uint32_t i = 0; i < sub->n; i++)
        if (!leat_mariadb_gtids_has(s, &sub->ids[i])) return false;
    return true;
}

bool leat_mariadb_gtids_eq(const leat_mariadb_gtids *x, const leat_mariadb_gtids *y)
{
    if (x->n != y->n) return false;
    for (uint32_t i = 0; i < x->n; i++)
        if (x->ids[i].domain != y->ids[i].domain || x->ids[i].server != y->ids[i].server ||
            x->ids[i].seq != y->ids[i].seq)
            return false;
    return true;
}

void leat_mariadb_gtids_union(leat_mariadb_gtids *s, const leat_mariadb_gtids *more)
{
    for (uint32_t i = 0; i < more->n; i++)
        if (!leat_mariadb_gtids_has(s, &more->ids[i])) leat_mariadb_gtids_set(s, &more->ids[i]);
}

void leat_mariadb_gtids_subtract(leat_mariadb_gtids *s, const leat_mariadb_gtids *less)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        if (!leat_mariadb_gtids_has(less, &s->ids[i])) s->ids[n++] = s->ids[i];
    s->n = n;
}

/* ---- text ---- */

static bool number(leat_str text, uint64_t most, uint64_t *out)
{
    return text.len && text.s[0] != '+' && leat_str_u64(text, out) && *out <= most;
}

static bool parse_id(leat_str text, leat_mariadb_gtid *id)
{
    uint64_t domain, server, seq;
    leat_str rest = text, d = leat_str_cut(&rest, '-');
    if (!rest.s) return false;
    leat_str s = leat_str_cut(&rest, '-');
    if (!rest.s || !number(d, UINT32_MAX, &domain) || !number(s, UINT32_MAX, &server) ||
        !number(rest, UINT64_MAX, &seq))
        return false;
    *id = (leat_mariadb_gtid){(uint32_t)domain, (uint32_t)server, seq};
    return true;
}

/* several: ids of a domain. */
static leat_rc parse(leat_mariadb_gtids *s, leat_str text, bool several, leat_err *e)
{
    leat_str rest = leat_str_trim(text);
    while (rest.s && rest.len) {
        leat_mariadb_gtid id;
        leat_str part = leat_str_trim(leat_str_cut(&rest, ','));
        bool ok = parse_id(part, &id);
        bool twice = ok && !several && leat_mariadb_gtids_get(s, id.domain);
        if (ok && !twice && !(rest.s && rest.len == 0)) {
            insert(s, place_of(s, id.domain), &id);
            continue;
        }
        return leat_fail(e, LEAT_CONF, "mysql.gtid", "",
                         "no GTID position of MariaDB: at character %zu, got \"%.*s\", %s",
                         (size_t)(part.s - text.s) + 1, (int)leat_str_fit(part, 60), part.s,
                         twice ? "whose domain stands there before; one id for each domain"
                               : "expected domain-server-sequence, such as 0-1-100,1-2-3");
    }
    return LEAT_OK;
}

leat_rc leat_mariadb_gtids_parse(leat_mariadb_gtids *s, leat_str text, leat_err *e)
{
    leat_mariadb_gtids more = {0};
    leat_rc rc = parse(&more, text, false, e);
    for (uint32_t i = 0; i < more.n && rc == LEAT_OK; i++) leat_mariadb_gtids_set(s, &more.ids[i]);
    leat_mariadb_gtids_free(&more);
    return rc;
}

leat_rc leat_mariadb_state_parse(leat_mariadb_gtids *s, leat_str text, leat_err *e)
{
    leat_mariadb_gtids_free(s);
    leat_rc rc = parse(s, text, true, e);
    if (rc != LEAT_OK) leat_mariadb_gtids_free(s);
    return rc;
}

const char *leat_mariadb_gtid_print(const leat_mariadb_gtid *id, char text[LEAT_MARIADB_GTID_TEXT])
{
    snprintf(text, LEAT_MARIADB_GTID_TEXT, "%u-%u-%llu", id->domain, id->server,
             (unsigned long long)id->seq);
    return text;
}

void leat_mariadb_gtids_print(const leat_mariadb_gtids *s, leat_buf *out)
{
    char text[LEAT_MARIADB_GTID_TEXT];
    for (uint32_t i = 0; i < s->n; i++) {
        if (i) leat_buf_u8(out, ',');
        leat_buf_str_z(out, leat_mariadb_gtid_print(&s->ids[i], text));
    }
}

/* ---- of either server ---- */

bool leat_my_gtids_in(bool mariadb, const leat_gtid_set *set, const leat_mariadb_gtids *state,
                      leat_str text)
{
    leat_gtid_set x = {0};
    leat_mariadb_gtids y = {0};
    leat_err e;
    bool in = mariadb
                  ? leat_mariadb_state_parse(&y, text, &e) == LEAT_OK &&
                        leat_mariadb_gtids_contains(state, &y)
                  : leat_gtid_set_parse(&x, text, &e) == LEAT_OK && leat_gtid_set_contains(set, &x);
    leat_gtid_set_free(&x);
    leat_mariadb_gtids_free(&y);
    return in;
}

bool leat_my_gtids_in_text(bool mariadb, leat_str all, leat_str text)
{
    leat_gtid_set x = {0};
    leat_mariadb_gtids y = {0};
    leat_err e;
    leat_rc rc = mariadb ? leat_mariadb_gtids_parse(&y, all, &e) : leat_gtid_set_parse(&x, all, &e);
    bool in = rc == LEAT_OK && leat_my_gtids_in(mariadb, &x, &y, text);
    leat_gtid_set_free(&x);
    leat_mariadb_gtids_free(&y);
    return in;
}
