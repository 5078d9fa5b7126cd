/* leat dead-letters: the changes a connector could not handle, with their bytes and the reason. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "state/state.h"

typedef struct listing {
    bool json, whole;
    uint64_t n;
} listing;

static void print_json(const leat_dead_letter *letter, bool whole)
{
    char iso[LEAT_ISO_MAX];
    leat_buf out = {0}, bytes = {0};
    leat_jw w = {.out = &out};
    leat_jw_object(&w, NULL);
    leat_jw_i64(&w, "id", letter->id);
    leat_jw_z(&w, "stored", leat_iso_us(letter->at_us, 3, iso));
    leat_jw_i64(&w, "ts_us", letter->ts_us);
    leat_jw_z(&w, "code", letter->code);
    leat_jw_z(&w, "reason", letter->reason);
    leat_jw_z(&w, "where", letter->where);
    leat_jw_z(&w, "table", letter->table);
    leat_jw_z(&w, "topic", letter->topic);
    leat_jw_str(&w, "position", letter->position);
    leat_jw_i64(&w, "size", (int64_t)letter->bytes.len);
    if (whole) {
        leat_buf_hex(&bytes, letter->bytes);
        leat_jw_str(&w, "bytes_hex", leat_buf_str(&bytes));
    }
    leat_jw_end(&w);
    printf("%.*s\n", (int)out.len, out.p);
    leat_buf_free(&out);
    leat_buf_free(&bytes);
}

static void print_whole(const leat_dead_letter *letter)
{
    char stored[LEAT_ISO_MAX], committed[LEAT_ISO_MAX];
    leat_buf bytes = {0};
    leat_buf_hex(&bytes, letter->bytes);
    printf("id        %" PRId64 "\nstored    %s\ncommitted %s\n", letter->id,
           leat_iso_us(letter->at_us, 3, stored),
           letter->ts_us ? leat_iso_us(letter->ts_us, 6, committed) : "-");
    printf("table     %s\ntopic     %s\ncode      %s\nwhere     %s\nreason    %s\n",
           letter->table ? letter->table : "-", letter->topic ? letter->topic : "-", letter->code,
           letter->where, letter->reason);
    printf("position  %.*s\nbytes     %.*s\n", LEAT_STR_ARG(letter->position),
           LEAT_STR_ARG(leat_buf_str(&bytes)));
    leat_buf_free(&bytes);
}

static bool print_one(void *arg, const leat_dead_letter *letter)
{
    listing *g = arg;
    char iso[LEAT_ISO_MAX];
    g->n++;
    if (g->json)
        print_json(letter, g->whole);
    else if (g->whole)
        print_whole(letter);
    else
        printf("%6" PRId64 "  %s  %-24s %-28s %s\n", letter->id, leat_iso_us(letter->at_us, 0, iso),
               letter->table   ? letter->table
               : letter->topic ? letter->topic
                               : "-",
               letter->code, letter->reason);
    return true;
}

int leat_cli_dead_letters(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), LEAT_ARG_JSON(common), {0}};
    const char *words[4];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 4, &nwords, &status)) return status;
    listing g = {.json = common.json};
    int64_t id = 0;
    bool list = nwords == 2 && strcmp(words[1], "list") == 0;
    g.whole = nwords == 3 && strcmp(words[1], "show") == 0;
    if (!list && !g.whole) return leat_cli_usage(argv[0], "NAME list, or NAME show ID");
    if (g.whole && (!leat_str_i64(leat_str_of(words[2]), &id) || id <= 0))
        return leat_cli_usage(argv[0], "an id is a number above 0, got \"%s\"", words[2]);
    if (!leat_cli_names(argv[0], words, 1, &status)) return status;
    leat_state *s = NULL;
    leat_err err = {0};
    leat_rc rc = leat_state_open(common.data, words[0], true, &s, &err);
    if (rc == LEAT_OK) rc = leat_state_dead_each(s, 0, id, print_one, &g, &err);
    leat_state_close(s);
    if (rc == LEAT_OK && g.whole && g.n == 0)
        rc =
            leat_fail(&err, LEAT_CONF, "dead_letter.unknown", words[0],
                      "there is no dead letter %s; 'leat dead-letters %s list' shows what there is",
                      words[2], words[0]);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
