/* leat: arguments and subcommands; nothing else. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"

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
        if (leat_str_is(word, c->name)) return c->run(argc - 1, argv + 1);
    fprintf(stderr, "leat: unknown command \"%s\"; 'leat --help' lists them\n", argv[1]);
    return LEAT_EXIT_USAGE;
}
