/* The inside of the hub, shared by the files of its endpoints; nobody else includes this.
 *
 * Handlers run on several threads. What the hub knows of connectors is in its list, under its
 * guard, and handed out as copies; who changes one takes its name first, so that changes of one
 * connector follow each other while others go on. */
#ifndef LEAT_HUB_INSIDE_H
#define LEAT_HUB_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/connection.h"
#include "hub/http.h"
#include "hub/hub.h"
#include "hub/nursery.h"
#include "hub/supervisor.h"
#include "sink/sink.h"
#include "source/source.h"
#include "state/hub.h"
#include "stream/page.h"

/* What stands for a secret in answers, and, sent back, for what is stored. */
#define LEAT_HUB_MASK "***"
/* Of Kafka Connect whose API this is; clients look at it to know what they may ask. */
#define LEAT_HUB_CONNECT_VERSION "4.1.0"

enum {
    LEAT_HUB_STOP_MS = 20000,
    LEAT_HUB_ASK_MS = 3000,
    LEAT_HUB_EDIT_MS = 60000,
    LEAT_HUB_LOGGERS = 1000
};

typedef struct leat_hub_made leat_hub_made;

typedef struct leat_hub_row {
    const char *name;    /* made's */
    leat_hub_made *made; /* its configuration, understood once; who asks shares it */
    bool stopped;
    leat_page *page;   /* its counters, while it runs; NULL: not mapped */
    int64_t looked_us; /* that its folder was there */
    struct leat_hub_row *next;
} leat_hub_row;

/* A name that somebody is changing. */
typedef struct leat_hub_claim {
    const char *name;
    struct leat_hub_claim *next;
} leat_hub_claim;

typedef struct leat_hub_level {
    char *logger;
    const char *level;
    int64_t at_us;
    struct leat_hub_level *next;
} leat_hub_level;

typedef struct leat_hub {
    leat_hub_conf conf;
    leat_arena a; /* of the thread that serves */
    const char *id;
    char worker[80];       /* "127.0.0.1:8083" */
    leat_tls *tls;         /* NULL: none */
    leat_nursery *nursery; /* NULL: it could not be made, processes come by exec */
    leat_supervisor *supervisor;
    struct leat_history *history; /* NULL: none is kept */
    struct leat_upgrade *upgrade;
    struct leat_overview *overview;
    struct leat_verifying *verifying;
    struct leat_panel *panel; /* NULL: this is no demo */
    int lock;
    int64_t begun_us;
    atomic_int queries;    /* that run */
    pthread_mutex_t guard; /* of all below */
    pthread_cond_t given;  /* a claim was given back */
    leat_hubdb *db;
    leat_hub_row *first; /* by name */
    leat_hub_claim *claims;
    leat_hub_level *levels;
    pthread_mutex_t audit_guard; /* of audit */
    leat_hubdb *audit;           /* the same file by a handle of its own */
} leat_hub;

/* A connector, as it was when it was asked for. Good as long as the arena it was asked for with. */
typedef struct leat_hub_connector {
    const char *name;
    const leat_config *config;
    leat_str shown; /* its options as an object of JSON, secrets masked */
    bool splits;    /* it may have several tasks */
    bool stopped;
    const char *klass; /* connector.class, as written; NULL: none */
    const leat_source *source;
    const leat_sink *sink; /* one of the two, or neither: it is not in this build */
    const leat_page *page; /* a copy of its counters; NULL: there are none */
} leat_hub_connector;

/* ---- list.c ---- */

/* A configuration gets the worker of this hub, which is stored with none: the next start may have
 * another one. */
void leat_hub_add_worker(const leat_hub *h, leat_arena *a, leat_config *config);
/* A copy in a; false: there is none. One that was deleted by others is forgotten here. */
bool leat_hub_find(leat_hub *h, leat_str name, leat_arena *a, leat_hub_connector *out);
/* All, by name; their number. */
size_t leat_hub_all(leat_hub *h, leat_arena *a, leat_hub_connector **out);
/* Waits until nobody else changes the connector of that name. claim is the caller's. */
void leat_hub_claim_name(leat_hub *h, leat_hub_claim *claim, const char *name);
void leat_hub_give_back(leat_hub *h, leat_hub_claim *claim);
/* Into hub.db and the list. who: whose new version it is; NULL: it is the same one. */
leat_rc leat_hub_store(leat_hub *h, const leat_config *config, bool stopped, const char *who,
                       leat_err *e);
leat_rc leat_hub_stopped_set(leat_hub *h, const char *name, bool stopped, leat_err *e);
leat_rc leat_hub_forget(leat_hub *h, const char *name, leat_err *e);
/* The list of hub.db, before there are other threads; and what it holds freed, after them. */
leat_rc leat_hub_list_load(leat_hub *h, leat_err *e);
void leat_hub_list_free(leat_hub *h);

/* ---- change.c ---- */

/* A new one into its folder, hub.db and the list. */
leat_rc leat_hub_add(leat_hub *h, const leat_config *config, bool stopped, bool paused,
                     const char *who, leat_err *e);
/* The configuration of a body with the hub's worker, in a. options: an object; name: the
 * connector's. NULL: answered. */
leat_config *leat_hub_config_of(const leat_hub *h, leat_http_call *c, leat_arena *a,
                                const leat_json *options, const char *name);

/* ---- view.c ---- */

/* "source", "sink", "unknown". */
const char *leat_hub_type(const leat_hub_connector *k);
/* {"verb":VERB,"by":"REST"}, in a. */
leat_str leat_hub_request(const char *verb, leat_arena *a);
/* 404, with the name that was asked for between the two texts. */
void leat_hub_missing(leat_http_call *c, const char *before, const char *after);
/* The connector that the path names; false: answered. */
bool leat_hub_need(leat_hub *h, leat_http_call *c, leat_hub_connector *k);
/* A number of the query, which stays as it is if it is not there; false: answered. */
bool leat_hub_number(leat_http_call *c, const char *name, int64_t least, int64_t most,
                     int64_t *out);
/* The answer for an error of the engine's. */
void leat_hub_fail(leat_http_call *c, const leat_err *err);
leat_opt_tables leat_hub_tables(const leat_hub_connector *k);
/* Its options as members, secrets masked. */
void leat_hub_write_members(const leat_hub_connector *k, leat_jw *w);
/* {"name","config","tasks","type"}; tasks: how many. */
void leat_hub_write_info(const leat_hub_connector *k, unsigned tasks, const char *name, leat_jw *w);
/* {"name","connector","tasks","type"}; returns how many tasks it has. restarting: NULL, or what is
 * told instead of each state. */
unsigned leat_hub_write_status(leat_hub *h, const leat_hub_connector *k, const char *restarting,
                               const char *name, leat_jw *w);
/* The state in Kafka Connect's words, and how many tasks it has. trace in a, NULL: none. */
const char *leat_hub_state(leat_hub *h, const leat_hub_connector *k, leat_arena *a, unsigned *tasks,
                           const char **trace);

/* ---- audit.c ---- */

/* One side of a change: NULL: there was, or is, nothing. */
typedef struct leat_hub_side {
    const leat_props *props;
    leat_str shown; /* the same as an object of JSON, secrets masked */
} leat_hub_side;
/* Notes for the audit what a request has changed. */
void leat_hub_changed(leat_http_call *c, leat_hub_side was, leat_hub_side now);
/* For leat_http_conf.told. */
void leat_hub_told(void *hub, const leat_http_deed *deed);

/* ---- validate.c ---- */

/* What is wrong with a configuration: the option tables', the connector's own rules', and, when
 * these are content, the system's, which is asked. Warnings are left out. */
void leat_hub_validate(const leat_config *config, leat_arena *a, leat_report *r);
/* What there is to choose from on the real system; empty when it does not tell. */
void leat_hub_discover(const leat_config *config, leat_arena *a, leat_catalog *out);
/* Masks that come back stand for what is stored. */
void leat_hub_unmask(const leat_hub_connector *was, leat_config *config, leat_arena *a);
/* A mask that is left stands for nothing: an error. */
void leat_hub_refuse_masks(const leat_config *config, leat_report *r);
/* In Kafka Connect's words, in a. */
const char *leat_hub_problem(const leat_config *config, const leat_problem *p, leat_arena *a);
/* The Java class of a connector with these, else its name. */
const char *leat_hub_class(const char *const *classes, const char *name);
/* The connector that a configuration names; false: answered. */
bool leat_hub_plugin_of(leat_http_call *c, const leat_config *config, const leat_source **source,
                        const leat_sink **sink);

/* ---- v1_connections.c ---- */

/* A connection to be tried: a saved one, or what a body says. */
typedef struct leat_hub_trial_connection {
    leat_connection k;
    const leat_strategy *strategy; /* NULL: its own */
    leat_props more;               /* options beside it */
} leat_hub_trial_connection;
/* Of a body that has "connection"; false: answered. */
bool leat_hub_connection_given(leat_hub *h, leat_http_call *c, leat_arena *a,
                               leat_hub_trial_connection *out);
/* What is claimed by who changes the connection, or a connector that is to use it. */
const char *leat_hub_connection_claim(leat_arena *a, leat_str name);
/* All that are saved, each an object with those of the n connectors that use it. */
void leat_hub_write_saved(leat_hub *h, leat_http_call *c, const leat_hub_connector *all, size_t n,
                          leat_jw *w);

/* ---- the endpoints, each a leat_http_handler of the hub ---- */

extern const leat_http_route leat_hub_routes[];

void leat_hub_get_root(void *hub, leat_http_call *c);
void leat_hub_get_health(void *hub, leat_http_call *c);
void leat_hub_get_loggers(void *hub, leat_http_call *c);
void leat_hub_get_logger(void *hub, leat_http_call *c);
void leat_hub_put_logger(void *hub, leat_http_call *c);
void leat_hub_get_connectors(void *hub, leat_http_call *c);
void leat_hub_get_connector(void *hub, leat_http_call *c);
void leat_hub_get_config(void *hub, leat_http_call *c);
void leat_hub_get_status(void *hub, leat_http_call *c);
void leat_hub_get_tasks(void *hub, leat_http_call *c);
void leat_hub_get_task_status(void *hub, leat_http_call *c);
void leat_hub_get_topics(void *hub, leat_http_call *c);
void leat_hub_reset_topics(void *hub, leat_http_call *c);
void leat_hub_post_connector(void *hub, leat_http_call *c);
void leat_hub_put_config(void *hub, leat_http_call *c);
void leat_hub_patch_config(void *hub, leat_http_call *c);
void leat_hub_delete_connector(void *hub, leat_http_call *c);
void leat_hub_put_pause(void *hub, leat_http_call *c);
void leat_hub_put_resume(void *hub, leat_http_call *c);
void leat_hub_put_stop(void *hub, leat_http_call *c);
void leat_hub_post_restart(void *hub, leat_http_call *c);
void leat_hub_post_task_restart(void *hub, leat_http_call *c);
void leat_hub_get_offsets(void *hub, leat_http_call *c);
void leat_hub_patch_offsets(void *hub, leat_http_call *c);
void leat_hub_delete_offsets(void *hub, leat_http_call *c);
void leat_hub_get_plugins(void *hub, leat_http_call *c);
void leat_hub_get_plugin_config(void *hub, leat_http_call *c);
void leat_hub_put_validate(void *hub, leat_http_call *c);
void leat_hub_get_metrics(void *hub, leat_http_call *c);
void leat_hub_get_counters(void *hub, leat_http_call *c);
void leat_hub_get_audit(void *hub, leat_http_call *c);
void leat_hub_get_who(void *hub, leat_http_call *c);
void leat_hub_get_docs(void *hub, leat_http_call *c);
void leat_hub_get_ui(void *hub, leat_http_call *c);
/* A browser asks for something to look at. */
bool leat_hub_wants_page(const leat_http_call *c);
void leat_hub_get_openapi(void *hub, leat_http_call *c);
void leat_hub_post_ksql(void *hub, leat_http_call *c);
void leat_hub_get_ksql_info(void *hub, leat_http_call *c);
void leat_hub_get_ksql_health(void *hub, leat_http_call *c);

/* Of /hub/v1: v1_access.c, v1_config.c, v1_connections.c, v1_state.c, v1_topics.c, v1_events.c,
 * v1_history.c, v1_verify.c, panel.c, upgrade.c. */
void leat_hub_v1_plugins(void *hub, leat_http_call *c);
void leat_hub_v1_plugin(void *hub, leat_http_call *c);
void leat_hub_v1_template(void *hub, leat_http_call *c);
void leat_hub_v1_check(void *hub, leat_http_call *c);
void leat_hub_v1_discover(void *hub, leat_http_call *c);
void leat_hub_v1_status(void *hub, leat_http_call *c);
void leat_hub_v1_why(void *hub, leat_http_call *c);
void leat_hub_v1_tables(void *hub, leat_http_call *c);
void leat_hub_v1_offsets_preview(void *hub, leat_http_call *c);
void leat_hub_v1_log(void *hub, leat_http_call *c);
void leat_hub_v1_overview(void *hub, leat_http_call *c);
void leat_hub_v1_stream(void *hub, leat_http_call *c);
void leat_hub_v1_letters(void *hub, leat_http_call *c);
void leat_hub_v1_letter(void *hub, leat_http_call *c);
void leat_hub_v1_letter_patch(void *hub, leat_http_call *c);
void leat_hub_v1_letter_delete(void *hub, leat_http_call *c);
void leat_hub_v1_letters_retry(void *hub, leat_http_call *c);
void leat_hub_v1_letters_drop(void *hub, leat_http_call *c);
void leat_hub_v1_signal(void *hub, leat_http_call *c);
void leat_hub_v1_connections(void *hub, leat_http_call *c);
void leat_hub_v1_connection(void *hub, leat_http_call *c);
void leat_hub_v1_connection_post(void *hub, leat_http_call *c);
void leat_hub_v1_connection_patch(void *hub, leat_http_call *c);
void leat_hub_v1_connection_delete(void *hub, leat_http_call *c);
void leat_hub_v1_systems(void *hub, leat_http_call *c);
void leat_hub_v1_system(void *hub, leat_http_call *c);
void leat_hub_v1_select(void *hub, leat_http_call *c);
void leat_hub_v1_versions(void *hub, leat_http_call *c);
void leat_hub_v1_access(void *hub, leat_http_call *c);
void leat_hub_v1_access_post(void *hub, leat_http_call *c);
void leat_hub_v1_access_delete(void *hub, leat_http_call *c);
void leat_hub_v1_about(void *hub, leat_http_call *c);
void leat_hub_v1_topics(void *hub, leat_http_call *c);
void leat_hub_v1_events(void *hub, leat_http_call *c);
void leat_hub_v1_follow(void *hub, leat_http_call *c);
void leat_hub_v1_streams(void *hub, leat_http_call *c);
void leat_hub_v1_history(void *hub, leat_http_call *c);
void leat_hub_v1_upgrade(void *hub, leat_http_call *c);
void leat_hub_v1_upgrade_begin(void *hub, leat_http_call *c);
void leat_hub_v1_verify(void *hub, leat_http_call *c);
void leat_hub_v1_verify_begin(void *hub, leat_http_call *c);
void leat_hub_v1_verify_stop(void *hub, leat_http_call *c);
void leat_hub_v1_demo(void *hub, leat_http_call *c);
void leat_hub_v1_demo_post(void *hub, leat_http_call *c);
/* Whether the client asked for an event stream (Accept). */
bool leat_hub_wants_events(const leat_http_call *c);

#endif
