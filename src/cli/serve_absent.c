/* leat serve, and who may ask it, in a build without libmicrohttpd. */
#include <stdio.h>

#include "cli/cli.h"

static int absent(const char *command)
{
    fprintf(stderr, "leat %s: not in this build: libmicrohttpd was missing when it was made\n",
            command);
    return LEAT_EXIT_FAILED;
}

int leat_cli_serve(int argc, char **argv)
{
    (void)argc;
    return absent(argv[0]);
}

int leat_cli_token(int argc, char **argv)
{
    (void)argc;
    return absent(argv[0]);
}

int leat_cli_users(int argc, char **argv)
{
    (void)argc;
    return absent(argv[0]);
}
