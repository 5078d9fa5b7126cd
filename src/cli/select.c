/* leat select: one SELECT's process (sql/select_apart.c). Not for people. */
#include "sql/select.h"
#include "cli/cli.h"

int leat_cli_select(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), {0}};
    const char *words[1];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 0, &nwords, &status)) return status;
    return leat_select_child(common.data);
}
