/* leat: arguments and subcommands; nothing else. */
#include <stdio.h>

#include "base/os.h"
#include "cli/cli.h"
#include "config/seal.h"

static void usage(FILE *out)
{
    fprintf(out, "leat " LEAT_VERSION ": change data capture in one binary\n\n"
                 "usage: leat COMMAND ...\n\n");
    for (const leat_command *c = leat_commands; c->name; c++)
        if (!c->hidden) fprintf(out, "  %-13s %s\n", c->name, c->help);
    fprintf(out,
            "\n'leat COMMAND --help' says more; the data folder is --data DIR, else LEAT_DATA, "
            "else ./leat-data\n");
}

/* Passwords and keys may come into this process: nobody else is to find them in it. */
static int run(const leat_command *c, int argc, char **argv)
{
    leat_err err = {0};
    leat_os_conceal();
    if (leat_rc_failed(leat_seal_take_env(&err))) return leat_cli_fail(&err);
    return c->run(argc, argv);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return LEAT_EXIT_USAGE;
    }
    leat_str word = leat_str_of(argv[1]);
    if (leat_str_is(word, "--help") || leat_str_is(word, "-h") || leat_str_is(word, "help")) {
        usage(stdout);
        return LEAT_EXIT_OK;
    }
    if (leat_str_is(word, "--version")) {
        puts("leat " LEAT_VERSION);
        return LEAT_EXIT_OK;
    }
    for (const leat_command *c = leat_commands; c->name; c++)
        if (leat_str_is(word, c->name)) return run(c, argc - 1, argv + 1);
    fprintf(stderr, "leat: unknown command \"%s\"; 'leat --help' lists them\n", argv[1]);
    return LEAT_EXIT_USAGE;
}
