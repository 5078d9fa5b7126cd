/* What the parts of the JSON converter share: json.c (the converter and its plans), json_schema.c,
 * json_value.c, json_absent.c, json_text.c. Not for others. */
#ifndef LEAT_CONVERT_JSON_PART_H
#define LEAT_CONVERT_JSON_PART_H

#include "convert/json.h"

enum { LEAT_JSON_PIECE = 16 }; /* names of fields are copied in pieces of so many bytes */

/* An integer as it was written last: times are the same in a whole transaction. */
typedef struct leat_json_memo {
    int64_t i;
    uint8_t len; /* 0: none yet */
    char text[23];
} leat_json_memo;

/* What is worked out once for a schema: a tree beside the schema's own, in the converter's arena.
 */
typedef struct leat_json_plan {
    const leat_schema *schema;
    int32_t scale;                  /* DECIMAL: its parameter */
    bool scaled;                    /* ... which is there */
    leat_str *names;                /* STRUCT, for each field: {"name": or ,"name": ... */
    leat_json_memo *memos;          /* ... and its last integer */
    int64_t most;                   /* INT8 to INT64: the largest; else -1 */
    struct leat_json_plan **fields; /* STRUCT */
    struct leat_json_plan *key;     /* MAP */
    struct leat_json_plan *elem;    /* ARRAY, MAP; NULL: its elements have no schema */
    leat_str text;                  /* the schema as JSON; absent until it was wanted */
    leat_str null;                  /* what NULL shows; absent until it was wanted */
} leat_json_plan;

struct leat_json_converter {
    leat_json_conf conf;
    leat_arena arena; /* plans; reset by forget */
    leat_json_plan *
        *slots; /* by address of the schema, open addressing; nslots is a power of two */
    size_t nslots, nused;
    leat_buf scratch,
        limbs; /* for what is made on the way, so that nothing is allocated an event */
};

/* JSON; or how Values.convertToString prints: the value itself, and what stands inside it. */
typedef enum leat_json_style {
    LEAT_JSON_PLAIN,
    LEAT_JSON_HEADER,
    LEAT_JSON_EMBEDDED
} leat_json_style;

/* One conversion. */
typedef struct leat_json_out {
    leat_json_converter *c;
    leat_buf *out;
    leat_str placeholder;
    leat_err *e; /* may be NULL */
    leat_json_style style;
} leat_json_out;

/* The plan of s, made if it is new; NULL for NULL. */
leat_json_plan *leat_json_plan_of(leat_json_converter *c, const leat_schema *s);

/* The schema as JSON ("null" for NULL); without the fields that are left out of v
 * (leat_json_leaves_out), which may be NULL. */
leat_rc leat_json_put_schema(leat_json_out *w, leat_json_plan *p, const leat_value *v);

/* The largest integer of a type; -1 for what is none. */
static inline int64_t leat_json_int_most(leat_type type)
{
    static const int64_t most[] = {INT8_MAX, INT16_MAX, INT32_MAX, INT64_MAX};
    return type <= LEAT_T_INT64 ? most[type] : -1;
}

/* The field is not written: the source did not send it, and there is no placeholder. */
static inline bool leat_json_leaves_out(const leat_json_out *w, const leat_value *v)
{
    return v->kind == LEAT_ABSENT && w->placeholder.s == NULL;
}

/* The value by its plan, or by its kind if p is NULL. */
leat_rc leat_json_put_value(leat_json_out *w, const leat_json_plan *p, const leat_value *v);
/* What a cell shows that the source did not send. */
leat_rc leat_json_put_absent(leat_json_out *w, const leat_json_plan *p);
/* NULL: the default, or null. */
leat_rc leat_json_put_null(leat_json_out *w, const leat_json_plan *p);

/* A string in quotes, escaped as Jackson does to bytes: ", \, control characters, and what needs
 * two UTF-16 units; bytes that are no UTF-8 become U+FFFD. */
void leat_json_put_text(leat_buf *out, leat_str text);
/* A string by the style: as above, bare, or in quotes with " and \ escaped alone. */
void leat_json_put_string(leat_json_out *w, leat_str text);
/* Base64 by the style. */
void leat_json_put_base64(leat_json_out *w, leat_str bytes);

#endif
