/* The command line: a table of commands, one file each, and what they share.
 *
 * Machine output goes to stdout; progress, prose and logs to stderr. A command returns the exit
 * status: 0 done, 1 could not, 2 wrong usage or configuration, 3 a check or verification found
 * something. */
#ifndef LEAT_CLI_CLI_H
#define LEAT_CLI_CLI_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { LEAT_EXIT_OK = 0, LEAT_EXIT_FAILED = 1, LEAT_EXIT_USAGE = 2, LEAT_EXIT_FOUND = 3 };

typedef struct leat_command {
    const char *name;
    const char *usage;                 /* "FILE... [--once]": what follows the name */
    const char *help;                  /* one line */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
    bool hidden;                       /* not for people: `leat connector` */
} leat_command;

extern const leat_command leat_commands[]; /* ends with name NULL */

typedef enum leat_arg_type { LEAT_ARG_FLAG, LEAT_ARG_TEXT, LEAT_ARG_INT } leat_arg_type;

/* One option of a command: --name, or -n for a name of one letter. to: bool *, const char ** or
 * int64_t *. */
typedef struct leat_arg {
    const char *name;
    leat_arg_type type;
    void *to;
    const char *meta; /* "DIR"; NULL for flags */
    const char *help;
} leat_arg;

/* Options that many commands take. */
typedef struct leat_common {
    const char *data;  /* --data, else LEAT_DATA, else ./leat-data */
    const char *kafka; /* --kafka; NULL: the embedded stream, unless a worker's file says so */
    bool json, strict;
} leat_common;
#define LEAT_ARG_DATA(c)                                                                           \
    {                                                                                              \
        .name = "data", .type = LEAT_ARG_TEXT, .to = &(c).data, .meta = "DIR",                     \
        .help = "data folder (default: LEAT_DATA, else ./leat-data)"                               \
    }
#define LEAT_ARG_JSON(c)                                                                           \
    {                                                                                              \
        .name = "json", .type = LEAT_ARG_FLAG, .to = &(c).json, .help = "print JSON"               \
    }
#define LEAT_ARG_KAFKA(c)                                                                          \
    {                                                                                              \
        .name = "kafka", .type = LEAT_ARG_TEXT, .to = &(c).kafka, .meta = "BROKERS",               \
        .help = "Kafka as the stream: host:port, several separated by commas"                      \
    }
#define LEAT_ARG_STRICT(c)                                                                         \
    {                                                                                              \
        .name = "strict", .type = LEAT_ARG_FLAG, .to = &(c).strict,                                \
        .help = "unknown options are errors"                                                       \
    }

/* Parses options anywhere among the words (-- ends them); args ends with a NULL name. No value is
 * empty, no number negative. The words left over, at most `most`, are put to words and counted.
 * Returns false after having printed what is wrong (or, for --help, the help) and set *exit_status.
 */
bool leat_cli_parse(int argc, char **argv, const leat_arg *args, const char **words, int most,
                    int *nwords, int *exit_status);
/* The n words can name connectors; else as leat_cli_parse. */
bool leat_cli_names(const char *command, const char *const *words, int n, int *exit_status);
/* The default of leat_common.data. */
const char *leat_cli_data(void);

/* Appends a file, "-": standard input, which may be a pipe; at most most bytes. 0 or -errno. */
int leat_cli_load(const char *path, leat_buf *out, size_t most);
/* Prints the error on stderr for a person ("leat: where: message [code]") and returns the exit
 * status that goes with it: CONF in "config.*" 2, else 1. */
int leat_cli_fail(const leat_err *e);
/* Prints "leat COMMAND: ..." and how to get help; returns LEAT_EXIT_USAGE. */
int leat_cli_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int leat_cli_run(int argc, char **argv);
int leat_cli_serve(int argc, char **argv);
int leat_cli_connector(int argc, char **argv);
int leat_cli_sql(int argc, char **argv);
int leat_cli_select(int argc, char **argv);
int leat_cli_read(int argc, char **argv);
int leat_cli_topics(int argc, char **argv);
int leat_cli_check(int argc, char **argv);
int leat_cli_plugins(int argc, char **argv);
int leat_cli_status(int argc, char **argv);
int leat_cli_stop(int argc, char **argv);
int leat_cli_pause(int argc, char **argv);
int leat_cli_resume(int argc, char **argv);
int leat_cli_restart(int argc, char **argv);
int leat_cli_offsets(int argc, char **argv);
int leat_cli_delete(int argc, char **argv);
int leat_cli_signal(int argc, char **argv);
int leat_cli_why(int argc, char **argv);
int leat_cli_upgrade(int argc, char **argv);
int leat_cli_log(int argc, char **argv);
int leat_cli_dead_letters(int argc, char **argv);
int leat_cli_schema(int argc, char **argv);
int leat_cli_demo(int argc, char **argv);
int leat_cli_connection(int argc, char **argv);
int leat_cli_key(int argc, char **argv);
int leat_cli_token(int argc, char **argv);
int leat_cli_users(int argc, char **argv);
int leat_cli_takeover(int argc, char **argv);
int leat_cli_shadow(int argc, char **argv);
int leat_cli_verify(int argc, char **argv);
int leat_cli_verifying(int argc, char **argv);

#endif
