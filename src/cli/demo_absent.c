/* leat demo in a build without PostgreSQL's connector: says so. */
#include "cli/cli.h"

int leat_cli_demo(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    leat_err err = {0};
    leat_fail(&err, LEAT_CONF, "demo.no_connector", "postgres",
              "the demo captures a PostgreSQL, and that connector is not in this build ('leat "
              "plugins' says why); on Debian: apt-get install libpq-dev, then build again");
    return leat_cli_fail(&err);
}
