/* Option tables: the one place where an option is written.
 *
 * From a table come parsing, all errors at once, Kafka Connect's /config/validate, the form of the
 * page, --help and docs/connectors/NAME.md. A row says where its parsed value lands in the
 * connector's conf struct; LEAT_OPT_AT does not compile unless that member has the C type of the
 * row's type.
 *
 * Classes of foreign properties (DESIGN.md section 3): a row is supported; with LEAT_OPT_NO_EFFECT
 * accepted, warned about and ignored; with LEAT_OPT_MISSING it would change data and is an error
 * when set to anything but its default. What is in no table is a warning, an error when strict. */
#ifndef LEAT_CONFIG_OPT_H
#define LEAT_CONFIG_OPT_H

#include "base/json.h"

typedef enum leat_opt_type {
    LEAT_OPT_STR,   /* const char *; absent: NULL; trimmed unless SECRET */
    LEAT_OPT_INT,   /* int64_t */
    LEAT_OPT_BOOL,  /* bool; "true" or "false" in any case */
    LEAT_OPT_ENUM,  /* int64_t: index into choices; matched in any case */
    LEAT_OPT_MS,    /* int64_t milliseconds; a bare number, or 250ms, 5s, 2m, 1h, 1d */
    LEAT_OPT_BYTES, /* int64_t; a bare number, or 64k, 16m, 1g (powers of 1024) */
    LEAT_OPT_LIST,  /* leat_opt_list: comma-separated, trimmed, empty parts dropped, "\," is a comma
                     */
    LEAT_OPT_MANY,  /* leat_opt_many: every property whose name fits the row's name, in which each *
                       stands for one character or more; no default */
} leat_opt_type;

typedef struct leat_opt_list {
    const char *const *v; /* n strings */
    size_t n;
} leat_opt_list;

enum { LEAT_OPT_STARS = 2 }; /* most * in the name of a MANY row */

/* One property that fitted a MANY row, in the order of the file. */
typedef struct leat_opt_match {
    const char *name, *value;         /* value: trimmed */
    const char *star[LEAT_OPT_STARS]; /* what each * stood for; NULL beyond the last */
    int line;
} leat_opt_match;

typedef struct leat_opt_many {
    const leat_opt_match *v; /* n matches */
    size_t n;
} leat_opt_many;

enum {
    LEAT_OPT_REQUIRED = 1,
    LEAT_OPT_SECRET = 2,   /* masked in every output */
    LEAT_OPT_ADVANCED = 4, /* folded away in the form */
    LEAT_OPT_FIXED = 8,    /* cannot change once the connector exists */
    LEAT_OPT_NO_EFFECT = 16,
    LEAT_OPT_MISSING = 32,
    LEAT_OPT_HIDES = 1024, /* MANY: unknown names that share its first two words are errors, never
                            * shown themselves: ignored, they would show what they are to hide */
    LEAT_OPT_FILE = 128,   /* STR: the path of a local file (config/files.h) */
    LEAT_OPT_CODE = 256,   /* STR: a program that is run */
    LEAT_OPT_SYSTEM = 512, /* with FILE: "system" names no file, but what the machine has */
    LEAT_OPT_REGEX = 64,   /* STR: a regular expression; LIST, MANY: of them; checked when parsed */
};

typedef struct leat_opt {
    const char *name;                 /* "slot.name" */
    const char *label, *group, *help; /* help: full sentences, units; `code` in backticks */
    leat_opt_type type;
    unsigned flags;
    size_t off;                 /* LEAT_OPT_AT; 0 and unused with NO_EFFECT or MISSING */
    const char *def;            /* as a user would write it; NULL: none */
    int64_t min, max;           /* INT, MS, BYTES; both 0: no bound */
    const char *const *choices; /* ENUM: NULL-ended; LIST: what each part must be, NULL: any */
    const char *was; /* former name (or names, comma-separated), still accepted with a warning */
} leat_opt;

/* Offset of T.F for a row whose type stores CT. */
#define LEAT_OPT_AT(T, F, CT)                                                                      \
    (offsetof(T, F) + 0 * sizeof(char[_Generic(((T *)0)->F, CT : 1, default : -1)]))

/* A set of tables that apply together (a connector's own, its family's, the engine's), NULL-ended;
 * each table ends with a row whose name is NULL. Offsets of all are into the same conf struct. */
typedef const leat_opt *const *leat_opt_tables;

/* Name -> text, in the order given, as read from a file or REST. */
typedef struct leat_prop {
    const char *name, *value;
    int line;         /* in its file; 0: none */
    int was;          /* line of an earlier value that this one replaced; 0: there was none */
    const char *said; /* how the user wrote the name, where it became another one; else NULL */
    bool used;        /* another property's value names it */
    bool brought;     /* a ${reference} brought in the value, or a part of it */
    struct leat_prop *next;
} leat_prop;

typedef struct leat_props {
    const char *file; /* for messages; NULL: none */
    leat_prop *first, **tail;
} leat_props;

void leat_props_init(leat_props *p, const char *file);
/* Replaces a value of the same name. Copies into a. The property, for what else it holds. */
leat_prop *leat_props_set(leat_props *p, leat_arena *a, leat_str name, leat_str value, int line);
/* The same of another list's property, with where it comes from. */
void leat_props_copy(leat_props *p, leat_arena *a, const leat_prop *from);
const char *leat_props_get(const leat_props *p, const char *name); /* NULL: none */

/* One thing wrong, or worth a warning. */
typedef struct leat_problem {
    const char *option; /* NULL: the configuration as a whole */
    bool warning;
    int line;
    const char *code; /* of the error that it was; NULL: "config.invalid" */
    const char *msg;  /* what, got, expected, how to mend it; never a secret's value */
    struct leat_problem *next;
} leat_problem;

/* A value that no message may show. */
typedef struct leat_hidden {
    const char *value;
    struct leat_hidden *next;
} leat_hidden;

typedef struct leat_report {
    leat_arena *a;
    leat_problem *first, **tail;
    unsigned errors, warnings;
    leat_hidden *hidden;
} leat_report;

void leat_report_init(leat_report *r, leat_arena *a);
void leat_report_add(leat_report *r, bool warning, const char *option, int line, const char *fmt,
                     ...) __attribute__((format(printf, 5, 6)));
/* An error of another module; its code becomes leat_report_err's if it is the only one. */
void leat_report_add_err(leat_report *r, const char *option, const leat_err *err);
/* What references brought into these values stands as *** in all messages that are added from now
 * on; but texts of fewer than LEAT_HIDDEN_LEAST bytes, which are parts of any message. */
enum { LEAT_HIDDEN_LEAST = 4 };
void leat_report_hide(leat_report *r, const leat_props *props);
/* A text of somebody else's as a message would have it: the text itself, or a copy in r's arena. */
const char *leat_report_shown(const leat_report *r, const char *text);
/* The report as one error (CONF "config.invalid"), each problem a line; LEAT_OK without errors. */
leat_rc leat_report_err(const leat_report *r, const char *where, leat_err *e);

/* Fills conf (cleared by the caller) from defaults and props; what it points at is in a. Every
 * problem is reported under its option; false if there was an error. ${env:X}, ${file:PATH:KEY} and
 * the like have been resolved before (leat_config_resolve). strict: unknown names are errors; an
 * unknown name close to a known one is told so. */
bool leat_opts_parse(leat_opt_tables tables, const leat_props *props, bool strict, leat_arena *a,
                     void *conf, leat_report *r);
/* The two halves of it, for a configuration whose tables fill more than one conf struct (a
 * connector's own and the engine's): the values of one set, and the names that are in none of n
 * sets. */
bool leat_opts_values(leat_opt_tables tables, const leat_props *props, leat_arena *a, void *conf,
                      leat_report *r);
bool leat_opts_unknown(const leat_opt_tables *sets, size_t n, const leat_props *props, bool strict,
                       leat_report *r);

/* The row of a name or former name, or the MANY row it fits; NULL if there is none. */
const leat_opt *leat_opts_find(leat_opt_tables tables, leat_str name);

/* A value by itself, as its row would read it: NULL when it is good, else what is wrong with it, in
 * a ("must be ..., got ..."; without the value for a SECRET row). Not for MANY. */
const char *leat_opt_check(const leat_opt *o, const char *value, leat_arena *a);

/* Comma-separated parts as a LIST row reads them; for the values of MANY rows. In a. */
leat_opt_list leat_opt_list_of(const char *text, leat_arena *a);

/* The words of JSON and docs: "string", "int", "boolean", "enum", "duration", "size", "list",
 * "many"; and "supported", "no_effect", "missing". */
const char *leat_opt_type_name(leat_opt_type type);
const char *leat_opt_class_name(const leat_opt *o);

/* An array of objects: name, label, group, help, type, default, required, secret, advanced, fixed,
 * regex, min, max (null: no bound), choices, former (names), class (supported, no_effect, missing).
 */
void leat_opts_json(leat_opt_tables tables, leat_buf *out);
/* Sections by group ("### Connection"), a table of rows each; then what is accepted without effect
 * and what is missing, in a table each. */
void leat_opts_markdown(leat_opt_tables tables, leat_buf *out);

/* True when the value must not be shown ("***" instead): by the row's flag; names in no table, or
 * in that of a MANY row, by their words too (password, secret, token, credential, private key,
 * jaas...). tables may be NULL. */
bool leat_opts_is_secret(leat_opt_tables tables, leat_str name);

#endif
