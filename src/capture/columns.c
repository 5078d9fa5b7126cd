/* Truncating, masking and hashing columns, and telling their types.
 *
 * Of the rules that truncate, mask or hash the first that fits a column wins, in this order of
 * kinds. Telling the type goes with any of them (in Debezium a column whose type is told is not
 * masked any more: nobody wants that). A hash is of the salt, then of the text: with v2 its UTF-8,
 * else what Java's ObjectOutputStream writes for a String, which is a header and modified UTF-8:
 *
 *   ac ed 00 05  74 len16   or, beyond 65,535 bytes,  7c len64
 *   a character beyond U+FFFF is two surrogates of three bytes each; NUL is c0 80
 *
 * A column that is no text in the record is shown as it is where it should be masked or hashed, as
 * Debezium does; the log says so. Lengths of text are counted in UTF-16 units, as Java does. Does
 * no I/O; a rewrite belongs to one thread at a time. */
#include "capture/columns.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/log.h"
#include "capture/patterns.h"

enum { CHARS_MAX = 65535 }; /* asterisks of a mask */

typedef enum rule_kind { TRUNCATE, MASK, HASH } rule_kind;

typedef struct rule {
    rule_kind kind;
    leat_patterns patterns;
    uint64_t chars;   /* TRUNCATE, MASK */
    const EVP_MD *md; /* HASH */
    leat_str salt;
    bool java; /* HASH: as Java serializes the text */
} rule;

struct leat_columns {
    rule *rules;
    size_t n;
    leat_patterns columns, types; /* propagation */
};

/* One column to rewrite. */
typedef struct step {
    uint32_t i;
    const rule *rule;
    leat_value mask; /* MASK */
    int32_t length;  /* HASH: characters to cut the hash to, <= 0: none */
    bool not_null;
} step;

struct leat_rewrite {
    const step *v;
    size_t n;
};

static leat_rc refuse(const char *option, const char *msg, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "config.invalid", option, "%s", msg);
}

static leat_rc rule_chars(rule_kind kind, const leat_opt_match *m, rule *r, leat_err *e)
{
    r->kind = kind;
    if (leat_str_u64(leat_str_of(m->star[0]), &r->chars) &&
        r->chars <= (kind == MASK ? CHARS_MAX : INT32_MAX))
        return LEAT_OK;
    return refuse(m->name, "the number of characters in the option's name must be a whole number",
                  e);
}

/* Java's names are OpenSSL's but for some hyphens. */
static const EVP_MD *digest(leat_str name)
{
    static const struct {
        const char *java, *openssl;
    } names[] = {{"SHA-1", "SHA1"},     {"SHA", "SHA1"},       {"SHA-224", "SHA224"},
                 {"SHA-256", "SHA256"}, {"SHA-384", "SHA384"}, {"SHA-512", "SHA512"}};
    char z[32];
    if (name.len >= sizeof z) return NULL;
    memcpy(z, name.s, name.len);
    z[name.len] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (leat_str_ieq(name, leat_str_of(names[i].java)))
            return EVP_get_digestbyname(names[i].openssl);
    return EVP_get_digestbyname(z);
}

static leat_rc rule_hash(const leat_opt_match *m, rule *r, leat_err *e)
{
    leat_str name = leat_str_of(m->star[0]);
    r->kind = HASH;
    r->java = !leat_str_starts(name, "v2.");
    if (!r->java) name = (leat_str){name.s + 3, name.len - 3};
    r->md = digest(name);
    r->salt = leat_str_of(m->star[1]);
    if (r->md) return LEAT_OK;
    return refuse("column.mask.hash.*.with.salt.*",
                  "the hash algorithm in the option's name is not known; SHA-256 is", e);
}

static leat_rc add_rules(leat_columns *c, leat_arena *a, rule_kind kind, const leat_opt_many *many,
                         leat_err *e)
{
    for (size_t i = 0; i < many->n; i++) {
        const leat_opt_match *m = &many->v[i];
        rule *r = &c->rules[c->n++];
        if (kind == HASH)
            LEAT_TRY(rule_hash(m, r, e));
        else
            LEAT_TRY(rule_chars(kind, m, r, e));
        /* The name of a hash rule holds its salt. */
        const char *option = kind == HASH ? "column.mask.hash.*.with.salt.*" : m->name;
        leat_opt_list list = leat_opt_list_of(m->value, a);
        LEAT_TRY(leat_patterns_new(a, option, &list, &r->patterns, e));
    }
    return LEAT_OK;
}

leat_rc leat_columns_new(leat_arena *a, const leat_capture_conf *conf, const leat_columns **out,
                         leat_err *e)
{
    size_t n = conf->truncate.n + conf->mask.n + conf->hash.n;
    *out = NULL;
    if (n == 0 && conf->propagate_columns.n == 0 && conf->propagate_types.n == 0) return LEAT_OK;
    leat_columns *c = LEAT_NEW(a, leat_columns, 1);
    c->rules = LEAT_NEW(a, rule, n);
    LEAT_TRY(add_rules(c, a, TRUNCATE, &conf->truncate, e));
    LEAT_TRY(add_rules(c, a, MASK, &conf->mask, e));
    LEAT_TRY(add_rules(c, a, HASH, &conf->hash, e));
    LEAT_TRY(leat_patterns_new(a, "column.propagate.source.type", &conf->propagate_columns,
                               &c->columns, e));
    LEAT_TRY(leat_patterns_new(a, "datatype.propagate.source.type", &conf->propagate_types,
                               &c->types, e));
    *out = c;
    return LEAT_OK;
}

static leat_rc find_rule(const leat_columns *c, leat_str name, const rule **out, leat_err *e)
{
    *out = NULL;
    for (size_t r = 0; r < c->n; r++) {
        bool hit;
        LEAT_TRY(leat_patterns_match(&c->rules[r].patterns, name, &hit, e));
        if (!hit) continue;
        *out = &c->rules[r];
        break;
    }
    return LEAT_OK;
}

leat_rc leat_columns_changes(const leat_columns *c, const char *schema, const char *table,
                             const char *column, bool *out, leat_err *e)
{
    leat_full_name full;
    const rule *r;
    *out = false;
    if (c == NULL) return LEAT_OK;
    leat_str name = leat_full_name_make(&full, schema, table, column);
    leat_rc rc = find_rule(c, name, &r, e);
    leat_full_name_free(&full);
    *out = r != NULL;
    return rc;
}

/* ---- once a table ---- */

/* What goes through the columns of one table. */
typedef struct prepare {
    const leat_columns *c;
    leat_columns_table *t;
    leat_arena *a;
    step *steps;
    size_t n;
    leat_err *e;
} prepare;

/* The column's schema, as a copy that may be changed. */
static leat_schema *own_schema(const prepare *p, uint32_t i, leat_schema **own)
{
    if (*own == NULL) {
        *own = leat_schema_copy(p->a, p->t->fields[i].schema);
        p->t->fields[i].schema = *own;
    }
    return *own;
}

static bool in_key(const leat_columns_table *t, uint32_t i)
{
    for (uint16_t k = 0; k < t->nkey; k++)
        if (t->key_cols[k] == i) return true;
    return false;
}

/* The schema is one of text that a person reads as such, not of a time written out. */
static bool is_text(const leat_schema *s)
{
    switch ((leat_logical)s->logical) {
    case LEAT_L_ZONED_TIME:
    case LEAT_L_ZONED_TIMESTAMP:
    case LEAT_L_INTERVAL:
    case LEAT_L_ISO_DATE:
    case LEAT_L_ISO_TIME:
    case LEAT_L_ISO_TIMESTAMP: return false;
    default: return s->type == LEAT_T_STRING;
    }
}

static leat_value asterisks(leat_arena *a, uint64_t n)
{
    char *s = leat_arena_alloc(a, (size_t)n + 1, 1);
    memset(s, '*', (size_t)n);
    s[n] = '\0';
    return leat_text((leat_str){s, (size_t)n});
}

/* The record says that the column is masked, and it is not. */
static void tell_shown(const leat_columns_table *t, uint32_t i)
{
    leat_log(LEAT_WARN, "capture.not_masked",
             "table=\"%s%s%s\" column=\"%s\" is of type %s, and only text is masked or hashed: its "
             "values are shown as they are. column.exclude.list leaves it out",
             t->schema ? t->schema : "", t->schema ? "." : "", t->name, t->names[i],
             t->cols[i].type ? t->cols[i].type : "?");
}

static leat_rc apply_rule(prepare *p, uint32_t i, const rule *r, leat_schema **own)
{
    const leat_columns_table *t = p->t;
    const leat_schema *s = t->fields[i].schema;
    int32_t length = t->cols[i].length;
    bool possible = length < 0 || (uint64_t)length > r->chars; /* something to cut off */
    if (r->kind == TRUNCATE && !possible) return LEAT_OK;
    if (r->kind == TRUNCATE)
        leat_schema_param(p->a, own_schema(p, i, own), "truncateLength",
                          leat_arena_printf(p->a, "%llu", (unsigned long long)r->chars));
    else
        leat_schema_param(p->a, own_schema(p, i, own), "masked", "true");
    if (!is_text(s) && r->kind != TRUNCATE) tell_shown(t, i);
    if (!is_text(s) && !(r->kind == TRUNCATE && s->type == LEAT_T_BYTES)) return LEAT_OK;
    if (r->kind != HASH && in_key(t, i))
        return leat_fail(p->e, LEAT_CONF, "capture.masked_key", t->name,
                         "the key column \"%s\" of %s%s%s is truncated or masked, so rows that "
                         "differ would get the same key; hash it instead (column.mask.hash...), or "
                         "leave it out of the option",
                         t->names[i], t->schema ? t->schema : "", t->schema ? "." : "", t->name);
    step *st = &p->steps[p->n++];
    *st = (step){.i = i, .rule = r, .length = length, .not_null = !s->optional};
    if (r->kind == MASK) st->mask = asterisks(p->a, r->chars);
    return LEAT_OK;
}

/* "numeric" of "numeric(10,2)". */
static const char *type_name(const prepare *p, uint32_t i)
{
    if (p->t->type_names) return p->t->type_names[i];
    leat_str type = leat_str_of(p->t->cols[i].type ? p->t->cols[i].type : "");
    const char *end = memchr(type.s, '(', type.len);
    if (end) type.len = (size_t)(end - type.s);
    return leat_arena_str(p->a, leat_str_trim(type)).s;
}

static leat_rc propagate(const prepare *p, uint32_t i, leat_str name, leat_schema **own)
{
    const leat_columns_table *t = p->t;
    const char *type = type_name(p, i);
    bool hit;
    LEAT_TRY(leat_patterns_match(&p->c->columns, name, &hit, p->e));
    if (!hit) {
        leat_full_name full;
        leat_str by_type = leat_full_name_make(&full, t->schema, t->name, type);
        leat_rc rc = leat_patterns_match(&p->c->types, by_type, &hit, p->e);
        leat_full_name_free(&full);
        LEAT_TRY(rc);
    }
    if (!hit) return LEAT_OK;
    leat_schema *s = own_schema(p, i, own);
    char *upper = leat_arena_strdup(p->a, type);
    for (char *c = upper; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    leat_schema_param(p->a, s, "__debezium.source.column.type", upper);
    if (t->cols[i].length >= 0)
        leat_schema_param(p->a, s, "__debezium.source.column.length",
                          leat_arena_printf(p->a, "%d", t->cols[i].length));
    if (t->cols[i].scale >= 0)
        leat_schema_param(p->a, s, "__debezium.source.column.scale",
                          leat_arena_printf(p->a, "%d", t->cols[i].scale));
    leat_schema_param(p->a, s, "__debezium.source.column.name", t->names[i]);
    return LEAT_OK;
}

static leat_rc prepare_column(prepare *p, uint32_t i)
{
    leat_full_name full;
    leat_schema *own = NULL;
    const rule *r;
    leat_str name = leat_full_name_make(&full, p->t->schema, p->t->name, p->t->names[i]);
    leat_rc rc = find_rule(p->c, name, &r, p->e);
    if (rc == LEAT_OK && r) rc = apply_rule(p, i, r, &own);
    if (rc == LEAT_OK) rc = propagate(p, i, name, &own);
    leat_full_name_free(&full);
    return rc;
}

leat_rc leat_columns_prepare(const leat_columns *c, leat_columns_table *t, leat_arena *a,
                             const leat_rewrite **out, leat_err *e)
{
    *out = NULL;
    if (c == NULL) return LEAT_OK;
    prepare p = {.c = c, .t = t, .a = a, .e = e, .steps = LEAT_NEW(a, step, t->n)};
    for (uint32_t i = 0; i < t->n; i++) LEAT_TRY(prepare_column(&p, i));
    if (p.n == 0) return LEAT_OK;
    leat_rewrite *w = LEAT_NEW(a, leat_rewrite, 1);
    *w = (leat_rewrite){p.steps, p.n};
    *out = w;
    return LEAT_OK;
}

/* ---- each row ---- */

/* How many bytes of UTF-8 hold its first so many UTF-16 units; a pair is not cut in two. */
static size_t utf16_prefix(leat_str s, uint64_t units)
{
    size_t at = 0;
    while (at < s.len) {
        unsigned char c = (unsigned char)s.s[at];
        size_t len = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        uint64_t takes = len == 4 ? 2 : 1;
        if (takes > units || at + len > s.len) break;
        units -= takes;
        at += len;
    }
    return at;
}

static size_t java_length(leat_str s)
{
    size_t n = s.len;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.s[i];
        n += c >= 0xF0 ? 2 : c == 0;
    }
    return n;
}

/* A character of four bytes as two surrogates of three bytes each. */
static void surrogates(const char *s, unsigned char out[6])
{
    uint32_t v = ((unsigned char)s[0] & 7u) << 18 | ((unsigned char)s[1] & 63u) << 12 |
                 ((unsigned char)s[2] & 63u) << 6 | ((unsigned char)s[3] & 63u);
    v -= 0x10000;
    uint32_t u[2] = {0xD800 + (v >> 10 & 0x3FF), 0xDC00 + (v & 0x3FF)};
    for (unsigned i = 0; i < 2; i++) {
        out[3 * i] = (unsigned char)(0xE0 | u[i] >> 12);
        out[3 * i + 1] = (unsigned char)(0x80 | (u[i] >> 6 & 63));
        out[3 * i + 2] = (unsigned char)(0x80 | (u[i] & 63));
    }
}

/* The text as Java serializes a String. */
static bool update_java(EVP_MD_CTX *ctx, leat_str s)
{
    unsigned char head[13] = {0xAC, 0xED, 0x00, 0x05};
    uint64_t len = java_length(s);
    size_t n = len <= UINT16_MAX ? 2 : 8;
    head[4] = n == 2 ? 0x74 : 0x7C;
    for (size_t i = 0; i < n; i++) head[5 + i] = (unsigned char)(len >> (8 * (n - 1 - i)));
    bool good = EVP_DigestUpdate(ctx, head, 5 + n) == 1;
    size_t from = 0;
    for (size_t i = 0; i < s.len && good;) {
        unsigned char c = (unsigned char)s.s[i], pair[6];
        if (c != 0 && (c < 0xF0 || i + 4 > s.len)) {
            i++;
            continue;
        }
        good = EVP_DigestUpdate(ctx, s.s + from, i - from) == 1;
        if (c == 0) {
            good = good && EVP_DigestUpdate(ctx, "\xC0\x80", 2) == 1;
        } else {
            surrogates(s.s + i, pair);
            good = good && EVP_DigestUpdate(ctx, pair, sizeof pair) == 1;
        }
        from = i += c == 0 ? 1 : 4;
    }
    return good && EVP_DigestUpdate(ctx, s.s + from, s.len - from) == 1;
}

/* Hex of the hash, cut to the column's length. A hash that cannot be made ends the process: the raw
 * text must not go out instead. */
static leat_value hash(const step *st, leat_str text, leat_arena *a)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const rule *r = st->rule;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestInit_ex(ctx, r->md, NULL) == 1 &&
                EVP_DigestUpdate(ctx, r->salt.s, r->salt.len) == 1 &&
                (r->java ? update_java(ctx, text) : EVP_DigestUpdate(ctx, text.s, text.len) == 1) &&
                EVP_DigestFinal_ex(ctx, sum, &n) == 1;
    EVP_MD_CTX_free(ctx);
    if (!good) abort();
    char *s = leat_arena_alloc(a, 2 * (size_t)n + 1, 1);
    for (unsigned i = 0; i < n; i++) {
        s[2 * i] = digits[sum[i] >> 4];
        s[2 * i + 1] = digits[sum[i] & 15];
    }
    size_t len = 2 * (size_t)n;
    if (st->length > 0 && (size_t)st->length < len) len = (size_t)st->length;
    s[len] = '\0';
    return leat_text((leat_str){s, len});
}

static void rewrite_cell(const step *st, leat_value *v, bool old_key_only, leat_arena *a)
{
    bool text = v->kind == LEAT_TEXT || v->kind == LEAT_DECIMAL;
    switch (st->rule->kind) {
    case MASK: *v = st->mask; break;
    case HASH:
        if (text)
            *v = hash(st, leat_value_str(v), a);
        else if (v->kind == LEAT_ABSENT && old_key_only && st->not_null)
            *v = hash(st, LEAT_STR(""), a); /* Debezium hashes the zero it shows there */
        break;
    case TRUNCATE:
        if (v->kind == LEAT_BYTES && v->len > st->rule->chars)
            v->len = (uint32_t)st->rule->chars;
        else if (v->kind == LEAT_TEXT)
            v->len = (uint32_t)utf16_prefix(leat_value_str(v), st->rule->chars);
        break;
    }
}

void leat_rewrite_row(const leat_rewrite *w, leat_value *cells, bool old_key_only, leat_arena *a)
{
    if (w == NULL) return;
    for (size_t s = 0; s < w->n; s++) rewrite_cell(&w->v[s], &cells[w->v[s].i], old_key_only, a);
}

bool leat_rewrite_touches(const leat_rewrite *w, uint32_t field)
{
    for (size_t s = 0; w && s < w->n; s++)
        if (w->v[s].i == field) return true;
    return false;
}

bool leat_rows_same(const leat_value *before, const leat_value *after, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (after[i].kind != LEAT_ABSENT && !leat_value_eq(&before[i], &after[i])) return false;
    return true;
}
