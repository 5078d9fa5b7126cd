/* JSON: a small tree for configuration, control and offsets, and writer helpers.
 *
 * Not the path of events (convert/json.c writes those). Objects keep their order and numbers keep
 * their text, so what goes in comes out. Depth is bounded (64), duplicate names are an error. */
#ifndef LEAT_BASE_JSON_H
#define LEAT_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { LEAT_JSON_DEPTH = 64 }; /* arrays and objects inside each other, read or written */

typedef enum leat_json_type {
    LEAT_JSON_NULL,
    LEAT_JSON_FALSE,
    LEAT_JSON_TRUE,
    LEAT_JSON_NUMBER, /* text holds it as written */
    LEAT_JSON_STRING, /* text is unescaped */
    LEAT_JSON_ARRAY,
    LEAT_JSON_OBJECT,
} leat_json_type;

typedef struct leat_json {
    leat_json_type type;
    leat_str name;           /* inside an object; else absent */
    leat_str text;           /* NUMBER, STRING; NUL-terminated */
    struct leat_json *child; /* first of ARRAY, OBJECT */
    struct leat_json *next;
} leat_json;

/* The whole text must be one value (RFC 8259 to the letter, valid UTF-8). Everything is allocated
 * in a. The error (CONF, "json.syntax") names line and column. */
leat_rc leat_json_parse(leat_arena *a, leat_str text, const leat_json **out, leat_err *e);

/* Member of an object, NULL if there is none (or j is no object, or NULL). */
const leat_json *leat_json_get(const leat_json *j, const char *name);
/* Of a member: its text if a string, absent otherwise; its number or the default. */
leat_str leat_json_get_str(const leat_json *j, const char *name);
int64_t leat_json_get_i64(const leat_json *j, const char *name, int64_t def);
bool leat_json_get_bool(const leat_json *j, const char *name, bool def);

/* Appends the tree without white space; the text quoted and escaped as Jackson does (", \, control
 * characters as \b \t \n \f \r or \u00XX; all else as it is). */
void leat_json_write(const leat_json *j, leat_buf *out);
/* The same text, in a. */
leat_str leat_json_text(const leat_json *j, leat_arena *a);
/* The text as a JSON string with its quotes; absent is written as "". */
void leat_json_quote(leat_buf *out, leat_str text);

/* Writer that knows about commas: `leat_jw w = {.out = b}; leat_jw_object(&w); leat_jw_str(&w,
 * "name", s); leat_jw_end(&w);`. name is NULL inside arrays and at the top. */
typedef struct leat_jw {
    leat_buf *out;
    bool comma; /* something stands before in this container */
    unsigned depth;
    uint64_t is_object; /* a bit a level */
} leat_jw;
void leat_jw_object(leat_jw *w, const char *name);
void leat_jw_array(leat_jw *w, const char *name);
void leat_jw_end(leat_jw *w);
void leat_jw_str(leat_jw *w, const char *name, leat_str v); /* absent is written as null */
void leat_jw_z(leat_jw *w, const char *name, const char *v);
void leat_jw_i64(leat_jw *w, const char *name, int64_t v);
void leat_jw_bool(leat_jw *w, const char *name, bool v);
void leat_jw_null(leat_jw *w, const char *name);
void leat_jw_f64(leat_jw *w, const char *name, double v); /* three decimals; for rates; NaN: null */
void leat_jw_raw(leat_jw *w, const char *name, leat_str json); /* written as it is */
void leat_jw_name(leat_jw *w, const char *name); /* its value is appended to out by the caller */

#endif
