/* leat why: which stage holds a connector up, in one paragraph. */
#include <stdio.h>

#include "cli/ask.h"
#include "engine/why.h"

int leat_cli_why(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), {0}};
    const char *words[2];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    if (nwords != 1) return leat_cli_usage(argv[0], "name one connector");
    if (!leat_cli_names(argv[0], words, nwords, &status)) return status;
    leat_arena a;
    leat_buf text = {0};
    leat_err err = {0};
    leat_buf said = {0};
    const leat_json *j;
    leat_arena_init(&a, 0);
    leat_rc rc = leat_look_status(common.data, words[0], &a, &text, &err);
    status = LEAT_EXIT_OK;
    if (text.len == 0) {
        status = leat_cli_fail(&err);
    } else if (leat_json_parse(&a, leat_buf_str(&text), &j, &err) == LEAT_OK) {
        leat_why_write(words[0], j, &said);
        printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&said)));
        if (rc != LEAT_OK) status = LEAT_EXIT_FAILED;
    }
    leat_buf_free(&said);
    leat_buf_free(&text);
    leat_arena_free(&a);
    return status;
}
