/* leat serve, in a build without libmicrohttpd. */
#include <stdio.h>

#include "cli/cli.h"

int leat_cli_serve(int argc, char **argv)
{
    (void)argc;
    fprintf(stderr, "leat %s: not in this build: libmicrohttpd was missing when it was made\n",
            argv[0]);
    return LEAT_EXIT_FAILED;
}
