/* The contract of a system that connections lead to (docs/connections.md): its parameters, its
 * strategies, and what a connector makes of both.
 *
 * A system exports one symbol, `const leat_system leat_system_NAME`, all of it tables: forms, SQL,
 * REST, the command line, tests and templates come from these. Parameters and strategies are what a
 * person chooses from; connectors have options of their own, which a face fills. Pure, but
 * for a strategy's check; any thread. */
#ifndef LEAT_SYSTEM_SYSTEM_H
#define LEAT_SYSTEM_SYSTEM_H

#include "source/source.h"

enum { LEAT_SYSTEM_ABI = 1 };

/* A parameter that becomes an option of a connector as it is. */
typedef struct leat_system_map {
    const char *parameter, *option;
} leat_system_map;

/* An option of a template, in the order of the file. */
typedef struct leat_template_line {
    const char *option;
    const char *value; /* ${name}: the connection's name, or the connector's */
    const char *help;  /* one sentence, behind a # where the format has comments */
    bool choose;       /* value is an example that a person replaces */
} leat_template_line;

/* A connection that is tried. */
typedef struct leat_trial {
    const leat_props *parameters; /* sealed values opened, providers resolved */
    const void *conf;             /* of the strategy's form; NULL: it has none */
    leat_arena *a;
} leat_trial;

/* What a connector makes of the parameters. */
typedef struct leat_system_face {
    const char *connector;      /* leat_source.name or leat_sink.name */
    const leat_system_map *map; /* ends with parameter NULL */
    /* What no row of map can say; may be NULL. options: what map has filled. */
    void (*put)(const leat_props *parameters, leat_arena *a, leat_props *options);
    /* Parameters that the connector cannot use: a connection that has one is refused; NULL-ended;
     * NULL: none. */
    const char *const *lacks;
} leat_system_face;

typedef struct leat_strategy {
    const char *name;  /* "wal": a word of SQL, REST and the command line */
    const char *label; /* "By WAL" */
    const char *help;  /* what it does and what the server needs for it */
    bool sink;
    const char *connector;   /* that carries it out; it may not be in the build; NULL: none yet */
    const char *form;        /* connector by whose options a connection is parsed for a test;
                                NULL: by none */
    const char *const *only; /* parameters for this strategy; NULL-ended; NULL: none */
    const leat_template_line *lines; /* ends with option NULL; in tests those that are no choice
                                        count, too; NULL: none */
    /* Tries it step by step; NULL: as the form's connector does. */
    leat_rc (*check)(const leat_trial *t, leat_checker *c, leat_err *e);
} leat_strategy;

typedef struct leat_system {
    uint32_t abi, size; /* LEAT_SYSTEM_ABI, sizeof(leat_system) */
    const char *name, *label, *help;
    const char *const *names;        /* other words for it, NULL-ended; NULL: none */
    leat_opt_tables parameters;      /* off is not used; labels and defaults as people see them */
    const leat_system_face *faces;   /* ends with connector NULL */
    const leat_strategy *strategies; /* ends with name NULL */
    const char *strategy;            /* the default one */
} leat_system;

/* The systems of this build, NULL-ended: written by src/meson.build. */
extern const leat_system *const leat_systems[];

/* User, password and time for connecting of the connectors that are given a JDBC URL, which a
 * face's `put` makes: sources, the sinks, and the one of Confluent's names. */
extern const leat_system_map leat_system_by_url[], leat_system_of_sink[],
    leat_system_of_confluent[];

/* By its name, its label or another word for it, in any case; NULL: there is none. */
const leat_system *leat_system_find(leat_str name);
/* By its name or label, in any case, with or without "By", absent: the default; NULL: there is
 * none. */
const leat_strategy *leat_system_strategy(const leat_system *s, leat_str name);
/* What this connector makes of the system's parameters; NULL: its connections are not for it. */
const leat_system_face *leat_system_face_of(const leat_system *s, const char *connector);
/* The first strategy that this connector carries out; NULL: there is none. */
const leat_strategy *leat_system_carried(const leat_system *s, const char *connector);
/* The strategy has this parameter. */
bool leat_strategy_has(const leat_system *s, const leat_strategy *strategy, const char *parameter);
/* Parameters that are not set get their defaults. */
void leat_system_defaults(const leat_system *s, leat_props *parameters, leat_arena *a);
/* The options that parameters become, without those that have no value. */
void leat_system_options(const leat_system_face *face, const leat_props *parameters, leat_arena *a,
                         leat_props *options);

/* A parameter that is a time, in milliseconds; 0: it is not set, or a reference. */
int64_t leat_system_ms(leat_opt_tables tables, const leat_props *parameters, const char *name,
                       leat_arena *a);

#endif
