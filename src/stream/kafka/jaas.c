/* The reader of sasl.jaas.config (stream/kafka/jaas.h): words, quoted texts, = and ; after each
 * other, as java.io.StreamTokenizer cuts them for Kafka's JaasConfig. Pure. */
#include "stream/kafka/jaas.h"

#include "base/buf.h"

typedef enum token { END, WORD, EQUALS, SEMICOLON, BAD } token;

typedef struct reader {
    const char *p, *end, *begin;
    leat_buf text; /* of the last WORD */
} reader;

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c)
{
    return !is_space(c) && c != '=' && c != ';' && c != '"' && c != '\'';
}

/* Blanks, and comments as C++ has them. */
static void skip(reader *r)
{
    while (r->p < r->end) {
        if (is_space(*r->p)) {
            r->p++;
        } else if (r->end - r->p > 1 && r->p[0] == '/' && r->p[1] == '/') {
            while (r->p < r->end && *r->p != '\n') r->p++;
        } else if (r->end - r->p > 1 && r->p[0] == '/' && r->p[1] == '*') {
            const char *close = memmem(r->p + 2, (size_t)(r->end - r->p) - 2, "*/", 2);
            r->p = close ? close + 2 : r->end;
        } else {
            return;
        }
    }
}

/* Behind a backslash inside quotes. */
static void escape(reader *r)
{
    static const char FROM[] = "abfnrtv", TO[] = "\a\b\f\n\r\t\v";
    char c = *r->p++;
    const char *at = c ? strchr(FROM, c) : NULL;
    if (c >= '0' && c <= '7') {
        unsigned v = (unsigned)(c - '0');
        for (int i = 1; i < (c <= '3' ? 3 : 2) && r->p < r->end && *r->p >= '0' && *r->p <= '7';
             i++)
            v = v * 8 + (unsigned)(*r->p++ - '0');
        leat_buf_u8(&r->text, v);
    } else {
        leat_buf_u8(&r->text, (unsigned char)(at ? TO[at - FROM] : c));
    }
}

static token quoted(reader *r)
{
    char quote = *r->p++;
    while (r->p < r->end && *r->p != quote && *r->p != '\n') {
        if (*r->p == '\\' && r->end - r->p > 1) {
            r->p++;
            escape(r);
        } else {
            leat_buf_u8(&r->text, (unsigned char)*r->p++);
        }
    }
    if (r->p == r->end || *r->p != quote) return BAD;
    r->p++;
    return WORD;
}

static token next(reader *r)
{
    leat_buf_clear(&r->text);
    skip(r);
    if (r->p == r->end) return END;
    if (*r->p == '=' || *r->p == ';') return *r->p++ == '=' ? EQUALS : SEMICOLON;
    if (*r->p == '"' || *r->p == '\'') return quoted(r);
    while (r->p < r->end && is_word(*r->p)) leat_buf_u8(&r->text, (unsigned char)*r->p++);
    return WORD;
}

static leat_rc bad(const reader *r, const char *expected, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "kafka.jaas", "sasl.jaas.config",
                     "at character %zu %s is expected; the form is: MODULE required KEY=\"VALUE\" "
                     "KEY=\"VALUE\";",
                     (size_t)(r->p - r->begin) + 1, expected);
}

static const char *kept(const reader *r, leat_arena *a)
{
    return leat_arena_str(a, leat_buf_str(&r->text)).s;
}

static leat_rc read_options(reader *r, leat_arena *a, leat_kafka_jaas *out, leat_err *e)
{
    leat_kafka_jaas_option **tail = &out->first;
    token t;
    while ((t = next(r)) == WORD) {
        leat_kafka_jaas_option *o = LEAT_NEW(a, leat_kafka_jaas_option, 1);
        o->name = kept(r, a);
        if (next(r) != EQUALS) return bad(r, "= behind an option's name", e);
        if (next(r) != WORD) return bad(r, "an option's value (in quotes)", e);
        o->value = kept(r, a);
        *tail = o;
        tail = &o->next;
    }
    if (t != SEMICOLON) return bad(r, "another option, or the ; at the end,", e);
    if (next(r) != END) return bad(r, "nothing more (one login module)", e);
    return LEAT_OK;
}

static leat_rc read_all(reader *r, leat_arena *a, leat_kafka_jaas *out, leat_err *e)
{
    static const char *const FLAGS[] = {"required", "requisite", "sufficient", "optional"};
    if (next(r) != WORD) return bad(r, "the class of a login module", e);
    out->module = kept(r, a);
    bool known = false;
    if (next(r) == WORD)
        for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++)
            known = known || leat_str_ieq(leat_buf_str(&r->text), leat_str_of(FLAGS[i]));
    if (!known) return bad(r, "required (or requisite, sufficient, optional)", e);
    return read_options(r, a, out, e);
}

leat_rc leat_kafka_jaas_parse(leat_str text, leat_arena *a, leat_kafka_jaas *out, leat_err *e)
{
    reader r = {.p = text.s ? text.s : ""};
    r.begin = r.p;
    r.end = r.p + text.len;
    *out = (leat_kafka_jaas){0};
    leat_rc rc = read_all(&r, a, out, e);
    leat_buf_free(&r.text);
    return rc;
}

const char *leat_kafka_jaas_get(const leat_kafka_jaas *j, const char *name)
{
    for (const leat_kafka_jaas_option *o = j->first; o; o = o->next)
        if (strcmp(o->name, name) == 0) return o->value;
    return NULL;
}

const char *leat_kafka_jaas_module(const leat_kafka_jaas *j)
{
    const char *dot = strrchr(j->module, '.');
    return dot ? dot + 1 : j->module;
}
