/* The table of commands, and option parsing shared by them.
 *
 * Own parsing rather than getopt_long: the same table gives --help, values may stand as --x=v or
 * --x v, and words may stand anywhere. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"
#include "config/connector.h"
#include "config/seal.h"

const leat_command leat_commands[] = {
    {"demo", "[--seconds N] [--json]", "everything on this machine, with sample data",
     leat_cli_demo, false},
    {"run", "[--once] [--kafka BROKERS] [WORKER.properties] FILE...",
     "run connectors in the foreground", leat_cli_run, false},
    {"serve", "[WORKER.properties] [--kafka BROKERS] [--listen HOST:PORT]",
     "the hub: connectors, their REST API, metrics, a page", leat_cli_serve, false},
    {"sql", "[-e STATEMENT | -f FILE] [--connect URL | --data DIR] [--json]",
     "statements to a hub or a Kafka Connect, SELECT over topics", leat_cli_sql, false},
    {"read", "TOPIC [--from WHERE] [--follow] [--max N] [--count]", "print a topic's records",
     leat_cli_read, false},
    {"topics", "[delete TOPIC...|--connector NAME [--yes]]", "list topics, delete those left over",
     leat_cli_topics, false},
    {"check", "FILE|NAME... [--sql|--undo]", "test a connection step by step", leat_cli_check,
     false},
    {"status", "[NAME...] [--watch]", "what the connectors do", leat_cli_status, false},
    {"why", "NAME", "what holds a connector up", leat_cli_why, false},
    {"log", "NAME [--follow] [--level LEVEL]", "what a running connector says", leat_cli_log,
     false},
    {"pause", "NAME...|--all", "take nothing from the source until it is resumed", leat_cli_pause,
     false},
    {"resume", "NAME...|--all", "let a paused connector go on", leat_cli_resume, false},
    {"restart", "NAME...|--all", "end a running connector in order and start it again",
     leat_cli_restart, false},
    {"stop", "NAME...|--all", "stop a running connector in order", leat_cli_stop, false},
    {"offsets", "NAME [history | set FILE|-|JSON | reset | undo]", "look at positions, change them",
     leat_cli_offsets, false},
    {"signal", "NAME snapshot TABLE... [WHERE ...] | stop [TABLE...] | pause | resume | log TEXT",
     "have a running connector read tables again", leat_cli_signal, false},
    {"delete", "NAME [--forget]", "remove a connector, but not its topics", leat_cli_delete, false},
    {"dead-letters", "NAME list|show|edit|retry|drop [ID...]", "changes that could not be handled",
     leat_cli_dead_letters, false},
    {"schema", "NAME show [DB.TABLE]|verify|export|import FILE|set DB.TABLE FILE|rebuild",
     "what tables looked like, as their source noted it", leat_cli_schema, false},
    {"takeover", "--connect URL NAME [WORKER.properties] [--back]",
     "a connector of Kafka Connect goes on here, or back there", leat_cli_takeover, false},
    {"shadow", "FILE... | --connect URL NAME [WORKER.properties]",
     "beside a running Debezium: compare every record", leat_cli_shadow, false},
    {"verify", "NAME [TABLE...] [--repair]",
     "prove that a sink's target, or a source's stream, equals the source", leat_cli_verify, false},
    {"connection", "create|alter NAME [PARAMETER=VALUE...] | test|show|drop NAME | list | types",
     "saved connections: addresses, log-ins and strategies", leat_cli_connection, false},
    {"key", "list | rotate", "the key that seals secrets in the data folder", leat_cli_key, false},
    {"upgrade", "[--wait SECONDS]", "a running hub becomes the program that lies there now",
     leat_cli_upgrade, false},
    {"token", "create NAME --role ROLE | list | revoke NAME", "who may ask the hub, by a token",
     leat_cli_token, false},
    {"user", "set NAME --role ROLE | list | remove NAME",
     "who may ask the hub, by a password, a certificate or the socket", leat_cli_users, false},
    {"plugins", "[NAME] [--json | --template [FORMAT] | --markdown DIR]",
     "connectors in this build, their options and templates", leat_cli_plugins, false},
    {"connector", "NAME", "one connector's process; started by run and serve", leat_cli_connector,
     true},
    {"verifying", "NAME [TABLE...]", "a verification's process; started by serve",
     leat_cli_verifying, true},
    {"select", "", "one SELECT's process; started by sql and serve", leat_cli_select, true},
    {0},
};

const char *leat_cli_data(void)
{
    const char *env = getenv("LEAT_DATA");
    return env && *env ? env : "leat-data";
}

int leat_cli_load(const char *path, leat_buf *out, size_t most)
{
    char part[4096];
    size_t n, before = out->len;
    if (strcmp(path, "-") != 0) return leat_os_load(path, out, most);
    while ((n = fread(part, 1, sizeof part, stdin)) > 0 && out->len - before <= most)
        leat_buf_put(out, part, n);
    if (ferror(stdin)) return -EIO;
    return out->len - before > most ? -EFBIG : 0;
}

int leat_cli_fail(const leat_err *e)
{
    fprintf(stderr, "leat: %s%s%s [%s]\n", e->where, *e->where ? ": " : "", e->msg, e->code);
    bool usage = e->rc == LEAT_CONF && strncmp(e->code, "config.", 7) == 0;
    return usage ? LEAT_EXIT_USAGE : LEAT_EXIT_FAILED;
}

int leat_cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "leat %s: ", command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n'leat %s --help' says more\n", command);
    return LEAT_EXIT_USAGE;
}

static void print_help(const char *command, const leat_arg *args)
{
    for (const leat_command *c = leat_commands; c->name; c++)
        if (strcmp(c->name, command) == 0)
            printf("usage: leat %s %s\n%s\n", c->name, c->usage, c->help);
    printf("\noptions:\n");
    for (; args->name; args++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s%s%s", args->name[1] ? "--" : "-", args->name,
                 args->meta ? " " : "", args->meta ? args->meta : "");
        printf("  %-24s %s\n", name, args->help);
    }
    printf("  %-24s %s\n", "--help", "this text");
}

static const leat_arg *find_arg(const leat_arg *args, leat_str name)
{
    for (; args->name; args++)
        if (leat_str_is(name, args->name)) return args;
    return NULL;
}

/* Stores value; false when it is none of the type. */
static bool store(const leat_arg *arg, const char *value)
{
    switch (arg->type) {
    case LEAT_ARG_FLAG: *(bool *)arg->to = true; return true;
    case LEAT_ARG_TEXT: *(const char **)arg->to = value; return true;
    case LEAT_ARG_INT: break;
    }
    int64_t n;
    if (!leat_str_i64(leat_str_of(value), &n) || n < 0) return false;
    *(int64_t *)arg->to = n;
    return true;
}

/* One --option, or -o, at argv[*i]; moves *i over its value. */
static bool option(int argc, char **argv, int *i, const leat_arg *args, int *exit_status)
{
    bool letter = argv[*i][1] != '-';
    leat_str rest = leat_str_of(argv[*i] + (letter ? 1 : 2));
    leat_str name = leat_str_cut(&rest, '=');
    const leat_arg *arg = find_arg(args, name);
    if (!arg || (name.len == 1) != letter) {
        *exit_status = leat_cli_usage(argv[0], "unknown option %s", argv[*i]);
        return false;
    }
    const char *value = rest.s;
    if (arg->type != LEAT_ARG_FLAG && !value) value = *i + 1 < argc ? argv[++*i] : NULL;
    if (arg->type == LEAT_ARG_FLAG ? rest.s != NULL : !value || !*value) {
        *exit_status = leat_cli_usage(argv[0], "%s%s takes %s", letter ? "-" : "--", arg->name,
                                      arg->meta ? arg->meta : "no value");
        return false;
    }
    if (!store(arg, value)) {
        *exit_status = leat_cli_usage(argv[0], "--%s takes a whole number, 0 or more, got \"%s\"",
                                      arg->name, value);
        return false;
    }
    return true;
}

bool leat_cli_parse(int argc, char **argv, const leat_arg *args, const char **words, int most,
                    int *nwords, int *exit_status)
{
    *nwords = 0;
    bool options = true;
    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            print_help(argv[0], args);
            *exit_status = LEAT_EXIT_OK;
            return false;
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            if (!option(argc, argv, &i, args, exit_status)) return false;
        } else if (*nwords == most) {
            *exit_status = leat_cli_usage(argv[0], "too many words: \"%s\"", argv[i]);
            return false;
        } else {
            words[(*nwords)++] = argv[i];
        }
    }
    for (; args->name; args++) { /* connections and the keys of secrets are there */
        const char *data = strcmp(args->name, "data") == 0 ? *(const char **)args->to : NULL;
        if (data) leat_seal_folder(data);
    }
    return true;
}

bool leat_cli_names(const char *command, const char *const *words, int n, int *exit_status)
{
    for (int i = 0; i < n; i++) {
        leat_err err;
        if (leat_connector_name_check(words[i], &err) == LEAT_OK) continue;
        *exit_status = leat_cli_usage(command, "%s", err.msg);
        return false;
    }
    return true;
}
