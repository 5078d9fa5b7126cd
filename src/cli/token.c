/* leat token: makes, lists and revokes tokens by which programs ask the hub (hub/grants.h).
 *
 * A token is shown once, when it is made; only its hash is kept. A hub that runs knows of a change
 * at once. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/grant.h"

/* ---- shared with leat user ---- */

static void print_grant(const leat_grant *g)
{
    char made[LEAT_ISO_MAX], until[LEAT_ISO_MAX] = "for ever";
    leat_iso_us(g->made_us, 0, made);
    if (g->until_us) leat_iso_us(g->until_us, 0, until);
    bool over = g->until_us && g->until_us <= leat_now_us();
    printf("%-11s  %-24s  %-8s  made %s  %s%s\n", leat_grant_kind_name(g->kind), g->name,
           leat_role_name(g->role), made,
           over          ? "EXPIRED "
           : g->until_us ? "until "
                         : "",
           until);
}

static void write_grant(const leat_grant *g, leat_jw *w)
{
    char at[LEAT_ISO_MAX];
    leat_jw_object(w, NULL);
    leat_jw_z(w, "kind", leat_grant_kind_name(g->kind));
    leat_jw_z(w, "name", g->name);
    leat_jw_z(w, "role", leat_role_name(g->role));
    leat_jw_z(w, "made", leat_iso_us(g->made_us, 0, at));
    leat_jw_z(w, "until", g->until_us ? leat_iso_us(g->until_us, 0, at) : NULL);
    leat_jw_end(w);
}

int leat_grant_list(const leat_common *common, unsigned kinds)
{
    leat_arena a = {0};
    leat_err err = {0};
    leat_grant *all;
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_rc rc = leat_grants_read(common->data, &a, &all, &err);
    leat_jw_array(&w, NULL);
    for (const leat_grant *g = all; rc == LEAT_OK && g; g = g->next) {
        if (!(kinds & 1u << g->kind)) continue;
        if (common->json)
            write_grant(g, &w);
        else
            print_grant(g);
    }
    leat_jw_end(&w);
    if (rc == LEAT_OK && common->json) printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&out)));
    leat_buf_free(&out);
    leat_arena_free(&a);
    return rc == LEAT_OK ? LEAT_EXIT_OK : leat_cli_fail(&err);
}

bool leat_grant_until(const char *command, const char *text, int64_t *until_us)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}};
    enum { YEARS_100 = 36500 };
    uint64_t n = 0;
    *until_us = 0;
    if (!text) return true;
    size_t len = strlen(text);
    for (size_t i = 0; i < 3; i++) {
        if (text[len - 1] != units[i].letter || !leat_str_u64((leat_str){text, len - 1}, &n))
            continue;
        if (n == 0 || n > (uint64_t)YEARS_100 * 86400 / (uint64_t)units[i].seconds) break;
        *until_us = leat_now_us() + (int64_t)n * units[i].seconds * 1000000;
        return true;
    }
    leat_cli_usage(command, "--expires: expected a time such as 90d, 12h or 30m, got \"%s\"", text);
    return false;
}

bool leat_grant_role(const char *command, const char *text, leat_role *out)
{
    if (text && leat_role_parse(leat_str_of(text), out)) return true;
    leat_cli_usage(command, "--role: viewer, operator or admin%s%s", text ? ", got " : "",
                   text ? text : "");
    return false;
}

/* ---- leat token ---- */

static int create(const leat_common *common, const char *name, leat_role role, int64_t until)
{
    char text[LEAT_TOKEN_TEXT + 1], hash[LEAT_TOKEN_HASH];
    leat_err err = {0};
    leat_grant g = {.kind = LEAT_GRANT_TOKEN,
                    .name = name,
                    .role = role,
                    .hash = hash,
                    .made_us = leat_now_us(),
                    .until_us = until};
    leat_rc rc = leat_token_make(text, hash, &err);
    if (rc == LEAT_OK) rc = leat_grants_put(common->data, &g, false, &err);
    if (rc != LEAT_OK) return leat_cli_fail(&err);
    if (common->json)
        printf("{\"token\":\"%s\"}\n", text);
    else
        printf("%s\n", text);
    fprintf(stderr, "keep it: it is shown this once; sent as 'Authorization: Bearer TOKEN'\n");
    return LEAT_EXIT_OK;
}

int leat_cli_token(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const char *role_text = NULL, *expires = NULL;
    const leat_arg args[] = {
        LEAT_ARG_DATA(common),
        {"role", LEAT_ARG_TEXT, &role_text, "ROLE", "viewer, operator or admin"},
        {"expires", LEAT_ARG_TEXT, &expires, "TIME", "90d, 12h, 30m; without it, never"},
        LEAT_ARG_JSON(common),
        {0},
    };
    const char *words[2];
    int nwords, status;
    leat_role role;
    int64_t until;
    leat_err err = {0};
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    const char *verb = nwords > 0 ? words[0] : "";
    if (nwords == 1 && strcmp(verb, "list") == 0)
        return leat_grant_list(&common, 1u << LEAT_GRANT_TOKEN);
    if (nwords == 2 && strcmp(verb, "create") == 0) {
        if (!leat_grant_role(argv[0], role_text, &role) ||
            !leat_grant_until(argv[0], expires, &until))
            return LEAT_EXIT_USAGE;
        return create(&common, words[1], role, until);
    }
    if (nwords != 2 || strcmp(verb, "revoke") != 0)
        return leat_cli_usage(argv[0], "expected create NAME --role ROLE, list, or revoke NAME");
    leat_rc rc = leat_grants_remove(common.data, LEAT_GRANT_TOKEN, words[1], &err);
    return rc == LEAT_OK ? LEAT_EXIT_OK : leat_cli_fail(&err);
}
