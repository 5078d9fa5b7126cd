/* leat schema: what tables looked like, as a source noted it while it read its log.
 *
 *   show [DB.TABLE]      the tables and what they look like now; of one table all that was noted
 *   verify               the checksums, and what the server says now; status 3: something differs
 *   export               as Debezium keeps it, a line of JSON an entry; --json: as leat does
 *   import FILE          entries of such a file
 *   set DB.TABLE FILE    what the table looks like where the connector stands: its "def" of
 *                        `show --json`, mended
 *   rebuild              forget all; the next start notes what the server and its log tell
 *
 * Reading needs no lock; what is written, the connector looks up when it needs it next. */
#include "cli/schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/os.h"
#include "cli/ask.h"
#include "cli/lines.h"

enum { FILE_MOST = 1 << 30, DEF_MOST = 16 << 20 };

/* ---- the connector ---- */

leat_rc leat_schema_open(leat_schema_call *x, bool reading, leat_err *e)
{
    return leat_state_open(x->common.data, x->name, reading, &x->state, e);
}

/* Its configuration, and its source. */
leat_rc leat_schema_setup(leat_schema_call *x, leat_err *e)
{
    leat_config *config;
    LEAT_TRY(leat_setup_stored(x->state, x->name, &x->a, &config, &x->setup, e));
    x->history = x->setup.source ? x->setup.source->history : NULL;
    if (x->history) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "schema.none", x->name,
                     "it keeps no schema history: the sources mysql and mariadb do");
}

/* ---- export, import ---- */

typedef struct exporting {
    leat_schema_call *x;
    leat_lines lines;
    uint64_t broken;
} exporting;

static bool export_one(void *arg, const leat_schema_entry *en)
{
    exporting *g = arg;
    if (en->broken) {
        g->broken++;
        return true;
    }
    if (g->x->common.json) {
        leat_schema_print(en, 0);
        return true;
    }
    size_t was = g->lines.out.len;
    g->x->history->write(g->x->setup.conf, en, &g->lines.out);
    if (g->lines.out.len > was) leat_buf_u8(&g->lines.out, '\n');
    if (g->lines.out.len >= LEAT_LINES_FLUSH) leat_lines_flush(&g->lines);
    return !g->lines.closed;
}

static leat_rc export_all(leat_schema_call *x, int *status, leat_err *e)
{
    exporting g = {.x = x};
    LEAT_TRY(leat_schema_open(x, true, e));
    LEAT_TRY(leat_schema_setup(x, e));
    leat_rc rc = leat_state_schemas_each(x->state, export_one, &g, e);
    leat_lines_flush(&g.lines);
    if (rc == LEAT_OK) rc = leat_lines_result(&g.lines, e);
    leat_buf_free(&g.lines.out);
    if (g.broken) {
        fprintf(stderr, "%s: %" PRIu64 " entries were left out: they do not fit their checksums\n",
                x->name, g.broken);
        *status = LEAT_EXIT_FOUND;
    }
    return rc;
}

static leat_rc read_file(const char *path, size_t most, leat_buf *out, leat_err *e)
{
    int err = leat_cli_load(path, out, most);
    return err < 0 ? leat_os_fail(e, err, "read", path) : LEAT_OK;
}

static leat_rc import(leat_schema_call *x, const char *path, leat_err *e)
{
    leat_buf all = {0};
    uint64_t lines = 0, entries = 0;
    LEAT_TRY(leat_schema_open(x, false, e));
    LEAT_TRY(leat_schema_setup(x, e));
    leat_rc rc = read_file(path, FILE_MOST, &all, e);
    leat_str rest = leat_buf_str(&all);
    leat_schema_store *store = leat_state_schema_store(x->state);
    while (rc == LEAT_OK && rest.s) {
        leat_arena a = {0};
        leat_schema_entry *list;
        size_t n = 0;
        leat_str line = leat_str_trim(leat_str_cut(&rest, '\n'));
        lines++;
        if (line.len) rc = x->history->read(x->setup.conf, line, &a, &list, &n, e);
        if (rc == LEAT_OK && n) rc = store->add(store, list, n, e);
        if (rc == LEAT_CONF) leat_fail(e, rc, e->code, path, "line %" PRIu64 ": %s", lines, e->msg);
        entries += n;
        leat_arena_free(&a);
    }
    leat_buf_free(&all);
    if (rc == LEAT_OK)
        fprintf(stderr, "%s: %" PRIu64 " entries from %" PRIu64 " lines\n", x->name, entries,
                lines - 1);
    return rc;
}

/* ---- set, rebuild ---- */

/* Where the connector stands. */
static leat_rc find_place(leat_schema_call *x, leat_str *place, leat_err *e)
{
    const leat_json *reply;
    leat_str request = leat_cli_request("offsets", &x->a);
    LEAT_TRY(
        leat_look_ask(x->common.data, x->name, request, LEAT_ASK_MS * 10, &x->a, &reply, NULL, e));
    const leat_json *list = leat_json_get(reply, "offsets");
    const leat_json *offset = leat_json_get(list ? list->child : NULL, "offset");
    if (!offset)
        return leat_fail(
            e, LEAT_CONF, "schema.no_place", x->name,
            "it has no position yet, so that there is no place where this would be so");
    *place = leat_json_text(offset, &x->a);
    return LEAT_OK;
}

static leat_rc set(leat_schema_call *x, const char *whole, const char *path, leat_err *e)
{
    leat_buf text = {0};
    leat_str db, name;
    LEAT_TRY(leat_schema_split(x, whole, &db, &name, e));
    LEAT_TRY(leat_schema_open(x, false, e));
    LEAT_TRY(leat_schema_setup(x, e));
    LEAT_TRY(read_file(path, DEF_MOST, &text, e));
    leat_str def = leat_str_trim(leat_buf_str(&text));
    leat_rc rc = x->history->check(db, name, def, e);
    leat_schema_store *store = leat_state_schema_store(x->state);
    leat_str place = LEAT_STR("{}");
    if (rc == LEAT_OK) rc = find_place(x, &place, e);
    const leat_schema_entry en = {
        .db = db, .table = name, .place = place, .what = LEAT_STR("set"), .def = def};
    if (rc == LEAT_OK) rc = store->add(store, &en, 1, e);
    leat_buf_free(&text);
    if (rc == LEAT_OK)
        fprintf(stderr, "%s: %s is what the file says, until a statement alters it\n", x->name,
                whole);
    return rc;
}

static leat_rc rebuild(leat_schema_call *x, int *status, leat_err *e)
{
    uint64_t n;
    LEAT_TRY(leat_schema_open(x, false, e));
    LEAT_TRY(leat_schema_setup(x, e));
    LEAT_TRY(leat_schema_count(x, &n, e));
    fprintf(stderr,
            "%s: this forgets %" PRIu64 " entries (export keeps a copy). The next start notes what "
            "the server and its log tell; of tables that were altered behind the connector's "
            "position only binlog_row_metadata=FULL tells what they looked like before\n",
            x->name, n);
    if (!x->yes && !leat_cli_confirm("schema", "Forget them?", status)) return LEAT_OK;
    LEAT_TRY(leat_state_schemas_clear(x->state, e));
    fprintf(stderr, "%s: forgotten; 'leat restart %s' notes them anew\n", x->name, x->name);
    return LEAT_OK;
}

static leat_rc run(leat_schema_call *x, const char *const *words, int n, bool *known, int *status,
                   leat_err *e)
{
    const char *verb = n > 1 ? words[1] : "";
    *known = true;
    if (strcmp(verb, "show") == 0 && n <= 3)
        return leat_schema_show(x, n == 3 ? words[2] : NULL, e);
    if (strcmp(verb, "verify") == 0 && n == 2) return leat_schema_verify(x, status, e);
    if (strcmp(verb, "export") == 0 && n == 2) return export_all(x, status, e);
    if (strcmp(verb, "import") == 0 && n == 3) return import(x, words[2], e);
    if (strcmp(verb, "set") == 0 && n == 4) return set(x, words[2], words[3], e);
    if (strcmp(verb, "rebuild") == 0 && n == 2) return rebuild(x, status, e);
    *known = false;
    return LEAT_OK;
}

int leat_cli_schema(int argc, char **argv)
{
    leat_schema_call x = {.common = {.data = leat_cli_data()}};
    const leat_arg args[] = {
        LEAT_ARG_DATA(x.common),
        LEAT_ARG_JSON(x.common),
        {.name = "yes", .type = LEAT_ARG_FLAG, .to = &x.yes, .help = "rebuild without asking"},
        {0}};
    const char *words[5];
    int nwords, status = LEAT_EXIT_OK;
    bool known;
    leat_err err = {0};
    if (!leat_cli_parse(argc, argv, args, words, 5, &nwords, &status)) return status;
    if (nwords > 0 && !leat_cli_names(argv[0], words, 1, &status)) return status;
    x.name = nwords ? words[0] : "";
    status = LEAT_EXIT_OK;
    leat_rc rc = run(&x, words, nwords, &known, &status, &err);
    leat_state_close(x.state);
    leat_arena_free(&x.a);
    if (!known)
        return leat_cli_usage(argv[0], "NAME show [DB.TABLE], verify, export, import FILE, "
                                       "set DB.TABLE FILE, or rebuild");
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : status;
}
