/* leat dead-letters: the changes a connector could not handle, with their bytes and the reason; and
 * what becomes of them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/ask.h"
#include "engine/letters.h"

typedef struct listing {
    bool json, whole;
    uint64_t n;
} listing;

static void print_json(const leat_dead_letter *letter, bool whole)
{
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_letters_write(letter, whole, &w);
    printf("%.*s\n", (int)out.len, out.p);
    leat_buf_free(&out);
}

/* The change of a sink's letter, with what was edited. */
static void print_event(const leat_dead_letter *letter)
{
    static const char *const rows[] = {"before", "after", "edit"};
    leat_arena a = {0};
    leat_buf text = {0};
    const leat_json *j = NULL;
    leat_jw w = {.out = &text};
    leat_letters_write(letter, true, &w);
    if (leat_json_parse(&a, leat_buf_str(&text), &j, NULL) == LEAT_OK)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const leat_json *row = leat_json_get(j, rows[i]);
            if (row && row->type == LEAT_JSON_OBJECT)
                printf("%-9s %.*s\n", rows[i], LEAT_STR_ARG(leat_json_text(row, &a)));
        }
    leat_buf_free(&text);
    leat_arena_free(&a);
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
    print_event(letter);
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

static leat_rc look(const char *data, const char *name, int64_t id, listing *g, leat_err *e)
{
    leat_state *s = NULL;
    LEAT_TRY(leat_state_open(data, name, true, &s, e));
    leat_rc rc = leat_state_dead_each(s, 0, id, print_one, g, e);
    leat_state_close(s);
    if (rc == LEAT_OK && id > 0 && g->n == 0)
        return leat_fail(e, LEAT_CONF, "dead_letter.unknown", name,
                         "there is no dead letter %" PRId64
                         "; 'leat dead-letters %s list' shows what there is",
                         id, name);
    return rc;
}

/* ---- edit, retry, drop ---- */

typedef struct acting {
    leat_common common;
    bool all;
    const char *table, *topic, *code, *after;
    int64_t wait;
    const char *const *words;
    int nwords;
    leat_arena a;
} acting;

/* The ids behind the verb, or --all. False: told. */
static bool put_choice(acting *t, leat_jw *w, int *status)
{
    bool some = t->table || t->topic || t->code;
    if (t->all == (t->nwords > 2) || (some && !t->all)) {
        *status = leat_cli_usage("dead-letters", "name letters by their ids, or --all, of which "
                                                 "--table, --topic and --code choose");
        return false;
    }
    if (t->all) {
        leat_jw_bool(w, "all", true);
        if (t->table) leat_jw_z(w, "table", t->table);
        if (t->topic) leat_jw_z(w, "topic", t->topic);
        if (t->code) leat_jw_z(w, "code", t->code);
        return true;
    }
    leat_jw_array(w, "ids");
    for (int i = 2; i < t->nwords; i++) {
        int64_t id = 0;
        if (!leat_str_i64(leat_str_of(t->words[i]), &id) || id <= 0) {
            *status = leat_cli_usage("dead-letters", "an id is a number above 0, got \"%s\"",
                                     t->words[i]);
            return false;
        }
        leat_jw_i64(w, NULL, id);
    }
    leat_jw_end(w);
    return true;
}

/* What there is to change, and with what. False: told. */
static bool put_edit(acting *t, leat_jw *w, int *status)
{
    int64_t id = 0;
    leat_err err = {0};
    const leat_json *j = NULL;
    if (t->nwords != 3 || !leat_str_i64(leat_str_of(t->words[2]), &id) || id <= 0 || !t->after) {
        *status =
            leat_cli_usage("dead-letters", "NAME edit ID --set '{\"column\":value}' (null: as "
                                           "it came)");
        return false;
    }
    if (leat_json_parse(&t->a, leat_str_of(t->after), &j, &err) != LEAT_OK) {
        *status = leat_cli_usage("dead-letters", "--set is no JSON: %s", err.msg);
        return false;
    }
    leat_jw_i64(w, "id", id);
    leat_jw_raw(w, "after", leat_json_text(j, &t->a));
    return true;
}

static void print_tried(const leat_json *reply)
{
    const leat_json *list = leat_json_get(reply, "letters");
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        if (leat_json_get_bool(j, "ok", false)) continue;
        printf("%6" PRId64 "  %-28.*s %.*s\n", leat_json_get_i64(j, "id", 0),
               LEAT_STR_ARG(leat_json_get_str(j, "code")),
               LEAT_STR_ARG(leat_json_get_str(j, "reason")));
    }
    fprintf(stderr, "retried %" PRId64 ", failed %" PRId64 "\n",
            leat_json_get_i64(reply, "retried", 0), leat_json_get_i64(reply, "failed", 0));
}

static int print_reply(const acting *t, const char *verb, const leat_json *reply)
{
    leat_buf text = {0};
    if (t->common.json) {
        leat_json_write(reply, &text);
        printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&text)));
        leat_buf_free(&text);
    } else if (strcmp(verb, "letters-drop") == 0) {
        fprintf(stderr, "dropped %" PRId64 "\n", leat_json_get_i64(reply, "dropped", 0));
    } else if (strcmp(verb, "letters-retry") == 0) {
        print_tried(reply);
    } else {
        fprintf(stderr, "edited; 'leat dead-letters %s retry %s' writes it\n", t->words[0],
                t->words[2]);
    }
    return leat_json_get_i64(reply, "failed", 0) > 0 ? LEAT_EXIT_FOUND : LEAT_EXIT_OK;
}

static int act(acting *t, const char *verb)
{
    int status = LEAT_EXIT_OK;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_err err = {0};
    const leat_json *reply = NULL;
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "verb", verb);
    leat_jw_z(&w, "by", leat_cli_user());
    bool edits = strcmp(verb, "letters-edit") == 0;
    if (edits ? put_edit(t, &w, &status) : put_choice(t, &w, &status)) {
        leat_jw_end(&w);
        leat_rc rc = leat_look_ask(t->common.data, t->words[0], leat_buf_str(&text),
                                   (int)t->wait * 1000, &t->a, &reply, NULL, &err);
        status = leat_rc_failed(rc) ? leat_cli_fail(&err) : print_reply(t, verb, reply);
    }
    leat_buf_free(&text);
    leat_arena_free(&t->a);
    return status;
}

/* The verb of the control protocol; NULL: it is none. */
static const char *verb_of(const char *word)
{
    static const char *const verbs[][2] = {
        {"edit", "letters-edit"}, {"retry", "letters-retry"}, {"drop", "letters-drop"}};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(word, verbs[i][0]) == 0) return verbs[i][1];
    return NULL;
}

int leat_cli_dead_letters(int argc, char **argv)
{
    enum { WORDS_MAX = 258, WAIT_S = 600, WAIT_MAX_S = 86400 };
    acting t = {.common = {.data = leat_cli_data()}, .wait = WAIT_S};
    const leat_arg args[] = {
        LEAT_ARG_DATA(t.common),
        LEAT_ARG_JSON(t.common),
        {"all", LEAT_ARG_FLAG, &t.all, NULL, "retry, drop: all letters"},
        {"table", LEAT_ARG_TEXT, &t.table, "NAME", "of these, those of a table"},
        {"topic", LEAT_ARG_TEXT, &t.topic, "NAME", "of these, those of a topic"},
        {"code", LEAT_ARG_TEXT, &t.code, "CODE", "of these, those with this code"},
        {"set", LEAT_ARG_TEXT, &t.after, "JSON", "edit: columns and their values"},
        {"wait", LEAT_ARG_INT, &t.wait, "SECONDS", "how long to wait (600)"},
        {0}};
    const char *words[WORDS_MAX];
    int status;
    if (!leat_cli_parse(argc, argv, args, words, WORDS_MAX, &t.nwords, &status)) return status;
    t.words = words;
    listing g = {.json = t.common.json};
    leat_err err = {0};
    int64_t id = 0;
    bool list = t.nwords == 2 && strcmp(words[1], "list") == 0;
    const char *verb = t.nwords >= 2 ? verb_of(words[1]) : NULL;
    g.whole = t.nwords == 3 && strcmp(words[1], "show") == 0;
    if (!list && !g.whole && !verb)
        return leat_cli_usage(argv[0], "NAME list, or NAME show|edit|retry|drop ID");
    if (g.whole && (!leat_str_i64(leat_str_of(words[2]), &id) || id <= 0))
        return leat_cli_usage(argv[0], "an id is a number above 0, got \"%s\"", words[2]);
    if (!leat_cli_names(argv[0], words, 1, &status)) return status;
    if (t.wait < 1 || t.wait > WAIT_MAX_S)
        return leat_cli_usage(argv[0], "--wait: expected 1 to %d seconds", WAIT_MAX_S);
    if (verb) return act(&t, verb);
    leat_rc rc = look(t.common.data, words[0], id, &g, &err);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
