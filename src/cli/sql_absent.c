/* leat sql in a build without libcurl: says so. */
#include "cli/cli.h"

int leat_cli_sql(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    leat_err err = {0};
    leat_fail(&err, LEAT_CONF, "sql.no_curl", "sql",
              "a hub is asked by HTTP, and this build has no libcurl; on Debian: apt-get install "
              "libcurl4-openssl-dev, then build again");
    return leat_cli_fail(&err);
}
