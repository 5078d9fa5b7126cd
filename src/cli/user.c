/* leat user: people and machines that log in by a password, a client's certificate, or their user
 * at the Unix socket (hub/grants.h).
 *
 * A password is read from the terminal without being shown, or as one line of stdin; never from the
 * command line, which others can see. */
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cli/grant.h"

enum { PASSWORD_MOST = 1024, PASSWORD_LEAST = 8 };

/* Without the end of its line; false: there is none. */
static bool read_line(const char *prompt, char out[PASSWORD_MOST])
{
    struct termios was, quiet;
    bool terminal = tcgetattr(STDIN_FILENO, &was) == 0;
    if (terminal) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(stderr, "%s: ", prompt);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    bool good = fgets(out, PASSWORD_MOST, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fprintf(stderr, "\n");
    }
    if (good) out[strcspn(out, "\r\n")] = 0;
    return good;
}

static bool read_password(const char *command, char out[PASSWORD_MOST])
{
    char again[PASSWORD_MOST];
    bool terminal = isatty(STDIN_FILENO);
    if (!read_line("password", out) || strlen(out) < PASSWORD_LEAST) {
        leat_cli_usage(command, "a password of %d characters or more is expected on stdin",
                       PASSWORD_LEAST);
        return false;
    }
    if (!terminal) return true;
    if (read_line("again", again) && strcmp(out, again) == 0) return true;
    leat_cli_usage(command, "the two are not the same");
    return false;
}

static int set(const char *command, const leat_common *common, leat_grant *g)
{
    char password[PASSWORD_MOST] = "", hash[LEAT_PASSWORD_HASH] = "";
    leat_err err = {0};
    leat_rc rc = LEAT_OK;
    if (g->kind == LEAT_GRANT_PASSWORD) {
        if (!read_password(command, password)) return LEAT_EXIT_USAGE;
        rc = leat_password_hash(leat_str_of(password), hash, &err);
    }
    g->hash = hash;
    g->made_us = leat_now_us();
    if (rc == LEAT_OK) rc = leat_grants_put(common->data, g, true, &err);
    return rc == LEAT_OK ? LEAT_EXIT_OK : leat_cli_fail(&err);
}

int leat_cli_users(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const char *role = NULL, *expires = NULL;
    bool certificate = false, peer = false;
    const leat_arg args[] = {
        LEAT_ARG_DATA(common),
        {"role", LEAT_ARG_TEXT, &role, "ROLE", "viewer, operator or admin"},
        {"certificate", LEAT_ARG_FLAG, &certificate, NULL,
         "NAME is the common name of a client's certificate"},
        {"peer", LEAT_ARG_FLAG, &peer, NULL, "NAME is a user of this machine, at the Unix socket"},
        {"expires", LEAT_ARG_TEXT, &expires, "TIME", "90d, 12h, 30m; without it, never"},
        LEAT_ARG_JSON(common),
        {0},
    };
    const char *words[2];
    int nwords, status;
    leat_err err = {0};
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    const char *verb = nwords > 0 ? words[0] : "";
    if (certificate && peer) return leat_cli_usage(argv[0], "either --certificate or --peer");
    leat_grant g = {.kind = certificate ? LEAT_GRANT_CERTIFICATE
                            : peer      ? LEAT_GRANT_PEER
                                        : LEAT_GRANT_PASSWORD,
                    .name = nwords > 1 ? words[1] : ""};
    if (nwords == 1 && strcmp(verb, "list") == 0)
        return leat_grant_list(&common, ~(1u << LEAT_GRANT_TOKEN));
    if (nwords == 2 && strcmp(verb, "set") == 0) {
        if (!leat_grant_role(argv[0], role, &g.role) ||
            !leat_grant_until(argv[0], expires, &g.until_us))
            return LEAT_EXIT_USAGE;
        return set(argv[0], &common, &g);
    }
    if (nwords != 2 || strcmp(verb, "remove") != 0)
        return leat_cli_usage(argv[0], "expected set NAME --role ROLE, list, or remove NAME");
    leat_rc rc = leat_grants_remove(common.data, g.kind, g.name, &err);
    return rc == LEAT_OK ? LEAT_EXIT_OK : leat_cli_fail(&err);
}
