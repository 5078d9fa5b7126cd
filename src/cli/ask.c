/* Requests in the user's name, and asking the user; see the header. */
#include "cli/ask.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

const char *leat_cli_user(void)
{
    const struct passwd *pw = getpwuid(getuid());
    return pw && pw->pw_name ? pw->pw_name : "unknown";
}

leat_str leat_cli_request(const char *verb, leat_arena *a)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "verb", verb);
    leat_jw_z(&w, "by", leat_cli_user());
    leat_jw_end(&w);
    leat_str out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

bool leat_cli_confirm(const char *command, const char *question, int *exit_status)
{
    char line[16];
    *exit_status = LEAT_EXIT_FAILED;
    if (!isatty(STDIN_FILENO)) {
        *exit_status = leat_cli_usage(command, "there is no terminal to ask on: --yes says yes");
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y')) return true;
    fprintf(stderr, "leat %s: nothing was changed\n", command);
    return false;
}
