/* leat plugins: the connectors of this build, those that are not in it and why, and their options;
 * as text, as JSON, and as the generated part of docs/connectors/.
 *
 * A page NAME.md belongs to a system: source and sink of one name share it. What stands between the
 * two marker lines is written here, the rest by people and left alone. README.md has the list of
 * connectors and the options that all of them have, in the same way. */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/os.h"
#include "cli/cli.h"
#include "cli/template.h"
#include "config/connector.h"
#include "config/dbzserver.h"
#include "config/worker.h"
#include "sink/sink.h"
#include "source/source.h"
#include "stream/kafka/options.h"
#include "stream/options.h"

enum { WIDTH = 88, PAGE_MAX = 4 << 20 };

static const char BEGIN[] =
    "<!-- What follows is written by make docs from the option tables. -->\n";
static const char END[] = "<!-- End of what make docs writes. -->\n";
static const leat_opt *const common_options[] = {leat_connector_options, NULL};
static const leat_opt *const stream_options[] = {leat_stream_options, NULL};
static const leat_opt *const worker_options[] = {leat_worker_options, NULL};
static const leat_opt *const server_options[] = {leat_dbzserver_options, NULL};
static const leat_opt_tables common_set = common_options, stream_set = stream_options,
                             worker_set = worker_options, server_set = server_options;

/* Options that are of no connector alone, by the name under which they are shown. */
typedef struct shared {
    const char *name, *title;
    const leat_opt_tables *options;
    const char *about; /* of those with a page of their own; NULL: they stand in README.md */
} shared;

static const shared SHARED[] = {
    {"common", "Options of every connector", &common_set, NULL},
    {"stream", "Options of every source connector", &stream_set, NULL},
    {"worker", "A worker's configuration", &worker_set,
     "What `leat run` makes of each line of a worker's file of Kafka Connect "
     "(connect-standalone.properties, connect-distributed.properties); see "
     "[compatibility](../compatibility.md#files-of-kafka-connect-and-debezium-server). The lines of "
     "[Kafka's clients](kafka-client.md) may stand there too."},
    {"kafka-client", "Options of Kafka's clients", &leat_kafka_client_options[LEAT_KAFKA_PRODUCER],
     "What all of Kafka's clients have stands in a worker's file as it is; what is of the producer "
     "under `producer.`, and in a connector's file under `producer.override.`."},
    {"debezium-server", "Debezium Server's configuration", &server_set,
     "What `leat run` makes of each line of Debezium Server's application.properties; see "
     "[compatibility](../compatibility.md#files-of-kafka-connect-and-debezium-server)."},
};
enum { SHARED_N = sizeof SHARED / sizeof *SHARED };

static const shared *find_shared(const char *name)
{
    for (size_t i = 0; name && i < SHARED_N; i++)
        if (strcmp(SHARED[i].name, name) == 0) return &SHARED[i];
    return NULL;
}

/* A source or sink, as far as this command sees it. */
typedef struct plugin {
    const char *name, *kind, *title, *help;
    const char *missing; /* why it is not in this build; NULL: it is */
    const char *const *classes;
    leat_opt_tables options;
} plugin;

typedef struct plugins {
    plugin v[256];
    size_t n;
} plugins;

static void add(plugins *all, const plugin *p)
{
    if (all->n < sizeof all->v / sizeof all->v[0]) all->v[all->n++] = *p;
}

/* All of them, or those of one name: sources, sinks, then what is missing. */
static void collect(plugins *all, const char *name)
{
    all->n = 0;
    for (const leat_source *const *s = leat_sources; *s; s++)
        if (name == NULL || leat_source_find(leat_str_of(name)) == *s)
            add(all, &(plugin){(*s)->name, "source", (*s)->title, (*s)->help, NULL, (*s)->classes,
                               (*s)->options});
    for (const leat_sink *const *k = leat_sinks; *k; k++)
        if (name == NULL || leat_sink_find(leat_str_of(name)) == *k)
            add(all, &(plugin){(*k)->name, "sink", (*k)->title, (*k)->help, NULL, (*k)->classes,
                               (*k)->options});
    for (const leat_not_built *m = leat_connectors_missing; m->name; m++)
        if (name == NULL || strcmp(name, m->name) == 0)
            add(all, &(plugin){.name = m->name, .kind = m->kind, .missing = m->reason});
}

/* ---- text ---- */

static void print_list(const plugins *all)
{
    printf("%-16s %-8s %s\n", "NAME", "KIND", "WHAT");
    for (size_t i = 0; i < all->n; i++) {
        const plugin *p = &all->v[i];
        printf("%-16s %-8s %s%s%s\n", p->name, p->kind, p->missing ? "" : p->title,
               p->missing ? "not in this build: " : "", p->missing ? p->missing : "");
    }
    printf("\n'leat plugins NAME' shows its options. NAME may also be:\n");
    for (size_t i = 0; i < SHARED_N; i++) printf("%-16s %s\n", SHARED[i].name, SHARED[i].title);
}

/* Words in lines of WIDTH, each begun with so many blanks. */
static void print_wrapped(const char *text, int indent)
{
    int at = 0;
    leat_str rest = leat_str_of(text);
    while (rest.s) {
        leat_str word = leat_str_cut(&rest, ' ');
        if (at > 0 && at + 1 + (int)word.len > WIDTH) {
            putchar('\n');
            at = 0;
        }
        at += at == 0 ? printf("%*s" LEAT_STR_FMT, indent, "", LEAT_STR_ARG(word))
                      : printf(" " LEAT_STR_FMT, LEAT_STR_ARG(word));
    }
    putchar('\n');
}

static void print_option(const leat_opt *o)
{
    printf("  %s", o->name);
    printf(" (%s", leat_opt_type_name(o->type));
    if (o->flags & LEAT_OPT_REQUIRED) printf(", required");
    if (o->flags & LEAT_OPT_SECRET) printf(", secret");
    if (o->flags & LEAT_OPT_FIXED) printf(", fixed");
    if (o->flags & LEAT_OPT_NO_EFFECT) printf(", accepted without effect");
    if (o->flags & LEAT_OPT_MISSING) printf(", not built yet");
    if (o->def && *o->def) printf(", default %s", o->def);
    printf(")\n");
    print_wrapped(o->help, 6);
    for (const char *const *c = o->choices; c && *c; c++)
        printf("%s%s%s", c == o->choices ? "      One of: " : ", ", *c, c[1] ? "" : "\n");
}

static void print_options(leat_opt_tables tables)
{
    const char *group = NULL;
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            if (group == NULL || strcmp(group, o->group) != 0) printf("\n%s\n", o->group);
            group = o->group;
            print_option(o);
        }
    }
}

static void print_one(const plugin *p)
{
    if (p->missing) {
        printf("%s (%s) is not in this build: %s\n", p->name, p->kind, p->missing);
        return;
    }
    printf("%s (%s): %s\n", p->name, p->kind, p->title);
    print_wrapped(p->help, 2);
    for (const char *const *c = p->classes; c && *c; c++) printf("  also called %s\n", *c);
    print_options(p->options);
}

/* ---- JSON ---- */

static void raw_options(leat_jw *w, leat_opt_tables tables)
{
    leat_buf options = {0};
    leat_opts_json(tables, &options);
    leat_jw_raw(w, "options", leat_buf_str(&options));
    leat_buf_free(&options);
}

/* more: to be shown too; NULL: nothing. */
static void print_json(const plugins *all, const shared *more)
{
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_jw_array(&w, NULL);
    for (size_t i = 0; i < all->n; i++) {
        const plugin *p = &all->v[i];
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "name", p->name);
        leat_jw_z(&w, "kind", p->kind);
        if (p->missing) {
            leat_jw_z(&w, "missing", p->missing);
        } else {
            leat_jw_z(&w, "title", p->title);
            leat_jw_z(&w, "help", p->help);
            leat_jw_array(&w, "classes");
            for (const char *const *c = p->classes; c && *c; c++) leat_jw_z(&w, NULL, *c);
            leat_jw_end(&w);
            raw_options(&w, p->options);
        }
        leat_jw_end(&w);
    }
    if (more) {
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "name", more->name);
        leat_jw_z(&w, "kind", "common");
        raw_options(&w, *more->options);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    printf("%.*s\n", (int)out.len, out.p);
    leat_buf_free(&out);
}

/* ---- Markdown ---- */

/* The place of a marker line in a page; absent if it is not there. */
static const char *find_line(leat_str page, const char *line)
{
    return page.len ? memmem(page.s, page.len, line, strlen(line)) : NULL;
}

/* Puts generated between the markers of the page at path, which is made if it is missing (with the
 * heading). Untouched when nothing changes. */
static leat_rc write_page(const char *path, const char *heading, leat_str generated, leat_err *e)
{
    leat_buf old = {0}, new = {0};
    int err = leat_os_load(path, &old, PAGE_MAX);
    leat_str page = leat_buf_str(&old);
    const char *from = find_line(page, BEGIN), *to = find_line(page, END);
    leat_rc rc = LEAT_OK;
    if (err < 0 && err != -ENOENT) {
        rc = leat_os_fail(e, err, "read", path);
    } else if (err >= 0 && (from == NULL || to == NULL || to < from)) {
        rc = leat_fail(e, LEAT_CONF, "plugins.markers", path,
                       "the page lacks the two lines between which options are written; put these "
                       "into it, in this order:\n%s%s",
                       BEGIN, END);
    } else {
        if (from)
            leat_buf_put(&new, page.s, (size_t)(from - page.s));
        else
            leat_buf_printf(&new, "# %s\n\n", heading);
        leat_buf_str_z(&new, BEGIN);
        leat_buf_u8(&new, '\n');
        leat_buf_add(&new, generated);
        leat_buf_u8(&new, '\n');
        leat_buf_str_z(&new, END);
        if (to)
            leat_buf_put(&new, to + sizeof END - 1,
                         (size_t)(page.s + page.len - to) - sizeof END + 1);
        if (!leat_str_eq(page, leat_buf_str(&new))) {
            err = leat_os_store(path, leat_buf_str(&new), 0644);
            if (err < 0) rc = leat_os_fail(e, err, "write", path);
        }
    }
    leat_buf_free(&old);
    leat_buf_free(&new);
    return rc;
}

static void section(const plugin *p, leat_buf *out)
{
    leat_buf_printf(out, "## As a %s\n\n%s\n\n`connector.class`: `%s`", p->kind, p->help, p->name);
    for (const char *const *c = p->classes; c && *c; c++) leat_buf_printf(out, ", or `%s`", *c);
    leat_buf_str_z(out, ". The [options of every connector](README.md#options-of-every-connector)");
    if (strcmp(p->kind, "source") == 0)
        leat_buf_str_z(out, " and those [of every source connector]"
                            "(README.md#options-of-every-source-connector)");
    leat_buf_str_z(out, " apply too.\n\n");
    leat_opts_markdown(p->options, out);
}

/* The page of all[i], with the other connectors of its name behind it. */
static leat_rc write_connector(const plugins *all, size_t i, const char *dir, leat_err *e)
{
    char path[4096];
    leat_buf out = {0};
    for (size_t k = i; k < all->n; k++) {
        if (strcmp(all->v[k].name, all->v[i].name) != 0 || all->v[k].missing) continue;
        if (k > i) leat_buf_u8(&out, '\n');
        section(&all->v[k], &out);
    }
    snprintf(path, sizeof path, "%s/%s.md", dir, all->v[i].name);
    leat_rc rc = write_page(path, all->v[i].title, leat_buf_str(&out), e);
    leat_buf_free(&out);
    return rc;
}

/* The same name stands before i: its page is written already. */
static bool seen(const plugins *all, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!all->v[k].missing && strcmp(all->v[k].name, all->v[i].name) == 0) return true;
    return false;
}

static leat_rc write_index(const plugins *all, const char *dir, leat_err *e)
{
    char path[4096];
    leat_buf out = {0};
    leat_buf_str_z(&out, "| Connector | Kind | What it is |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < all->n; i++)
        if (!all->v[i].missing)
            leat_buf_printf(&out, "| [%s](%s.md) | %s | %s |\n", all->v[i].name, all->v[i].name,
                            all->v[i].kind, all->v[i].title);
    for (size_t i = 0; i < SHARED_N; i++) {
        if (SHARED[i].about) continue;
        leat_buf_printf(&out, "\n## %s\n\n", SHARED[i].title);
        leat_opts_markdown(*SHARED[i].options, &out);
    }
    leat_buf_str_z(&out, "\n## Files of others\n\n");
    for (size_t i = 0; i < SHARED_N; i++)
        if (SHARED[i].about)
            leat_buf_printf(&out, "- [%s](%s.md)\n", SHARED[i].title, SHARED[i].name);
    snprintf(path, sizeof path, "%s/README.md", dir);
    leat_rc rc = write_page(path, "Connectors", leat_buf_str(&out), e);
    leat_buf_free(&out);
    return rc;
}

static leat_rc write_shared(const shared *s, const char *dir, leat_err *e)
{
    char path[4096];
    leat_buf out = {0};
    if (!s->about) return LEAT_OK;
    leat_buf_printf(&out, "%s\n\n", s->about);
    leat_opts_markdown(*s->options, &out);
    snprintf(path, sizeof path, "%s/%s.md", dir, s->name);
    leat_rc rc = write_page(path, s->title, leat_buf_str(&out), e);
    leat_buf_free(&out);
    return rc;
}

static leat_rc write_docs(const char *dir, leat_err *e)
{
    plugins all;
    collect(&all, NULL);
    int err = leat_os_mkdirs(dir, 0755);
    if (err < 0) return leat_os_fail(e, err, "make the folder", dir);
    bool complete = true;
    for (size_t i = 0; i < all.n; i++) {
        complete = complete && !all.v[i].missing;
        if (!all.v[i].missing && !seen(&all, i)) LEAT_TRY(write_connector(&all, i, dir, e));
    }
    for (size_t i = 0; i < SHARED_N; i++) LEAT_TRY(write_shared(&SHARED[i], dir, e));
    /* The list of a build that lacks connectors is not the list. */
    return complete ? write_index(&all, dir, e) : LEAT_OK;
}

int leat_cli_plugins(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const char *markdown = NULL, *connection = NULL;
    bool template = false;
    const leat_arg args[] = {
        LEAT_ARG_JSON(common),
        {"markdown", LEAT_ARG_TEXT, &markdown, "DIR",
         "write the options into the pages of a folder"},
        {"template", LEAT_ARG_FLAG, &template, NULL,
         "print an almost ready configuration; behind NAME: properties, json or sql"},
        {"connection", LEAT_ARG_TEXT, &connection, "NAME",
         "of a template: take address and log-in from this connection"},
        LEAT_ARG_DATA(common),
        {0},
    };
    const char *words[2];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    if (template) return leat_cli_template(argv[0], common.data, words, nwords, connection);
    if (connection) return leat_cli_usage(argv[0], "--connection goes with --template");
    if (nwords > 1) return leat_cli_usage(argv[0], "takes one name; got \"%s\" too", words[1]);
    if (markdown) {
        leat_err err = {0};
        if (nwords > 0) return leat_cli_usage(argv[0], "--markdown writes all pages; name none");
        return leat_rc_failed(write_docs(markdown, &err)) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
    }
    plugins all;
    const char *name = nwords > 0 ? words[0] : NULL;
    const shared *more = find_shared(name);
    collect(&all, name);
    if (name && all.n == 0 && !more)
        return leat_cli_usage(argv[0], "there is no connector \"%s\"; 'leat plugins' lists them",
                              name);
    if (common.json) {
        print_json(&all, more);
    } else if (more) {
        printf("%s\n", more->title);
        print_options(*more->options);
    } else if (name) {
        for (size_t i = 0; i < all.n; i++) print_one(&all.v[i]);
    } else {
        print_list(&all);
    }
    return LEAT_EXIT_OK;
}
