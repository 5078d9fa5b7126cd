/* leat key: the keys that seal secrets in a data folder (config/seal.h): which there are, and a new
 * one in place of the old.
 *
 * A change of the key stops nowhere where something could be lost: the new key is durable beside
 * the old ones before anything is sealed with it, and the old ones go when all is. Cut off, it is
 * done again from the beginning. */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/os.h"
#include "cli/cli.h"
#include "engine/connection.h"
#include "engine/kept.h"
#include "state/hub.h"

typedef struct row_list {
    leat_hubdb_row row;
    struct row_list *next;
} row_list;

typedef struct rotation {
    const char *data;
    leat_arena a;
    row_list *rows;              /* of hub.db */
    unsigned connectors, states; /* sealed anew: rows, and state.db files */
    unsigned connections;
    leat_err *e;
} rotation;

/* ---- list ---- */

static int list(const leat_common *common)
{
    leat_arena a = {0};
    leat_err err = {0};
    const leat_seal_key *keys;
    const char *where;
    size_t n;
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_rc rc = leat_seal_keys(&a, &keys, &n, &where, &err);
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "from", where);
    leat_jw_array(&w, "keys");
    for (size_t i = 0; rc == LEAT_OK && i < n; i++) {
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "id", keys[i].id);
        leat_jw_bool(&w, "seals", keys[i].seals);
        leat_jw_end(&w);
        if (!common->json)
            printf("%s  %s  %s\n", keys[i].id, keys[i].seals ? "seals" : "opens", where);
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
    if (rc == LEAT_OK && common->json) printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&out)));
    if (rc == LEAT_OK && !common->json && n == 0)
        fprintf(stderr, "there is no key yet in %s: it is made when the first secret is stored\n",
                where);
    leat_buf_free(&out);
    leat_arena_free(&a);
    return rc == LEAT_OK ? LEAT_EXIT_OK : leat_cli_fail(&err);
}

/* ---- rotate ---- */

static void take_row(void *arg, const leat_hubdb_row *row)
{
    rotation *g = arg;
    row_list *one = LEAT_NEW(&g->a, row_list, 1);
    one->row = (leat_hubdb_row){.name = leat_arena_strdup(&g->a, row->name),
                                .config = leat_arena_str(&g->a, row->config),
                                .stopped = row->stopped};
    one->next = g->rows;
    g->rows = one;
}

static leat_rc seal_row(rotation *g, leat_hubdb *db, const leat_hubdb_row *row)
{
    leat_config *config;
    leat_buf json = {0};
    leat_rc rc = leat_config_json(&g->a, row->config, row->name, &config, g->e);
    if (rc == LEAT_OK) rc = leat_config_keep(config, leat_kept_tables(config), true, &json, g->e);
    leat_hubdb_row anew = {
        .name = row->name, .config = leat_buf_str(&json), .stopped = row->stopped};
    if (rc == LEAT_OK) rc = leat_hubdb_put(db, &anew, g->e);
    if (rc == LEAT_OK) g->connectors++;
    leat_buf_free(&json);
    return rc;
}

static leat_rc seal_connections(rotation *g, leat_hubdb *db)
{
    const char *const *names;
    size_t n;
    LEAT_TRY(leat_connection_list(db, &g->a, &names, &n, g->e));
    for (size_t i = 0; i < n; i++) LEAT_TRY(leat_connection_seal_again(db, names[i], g->e));
    g->connections = (unsigned)n;
    return LEAT_OK;
}

static leat_rc seal_hub(rotation *g)
{
    leat_hubdb *db = NULL;
    char *path = leat_arena_printf(&g->a, "%s/hub.db", g->data);
    int fd = leat_os_now()->open(path, LEAT_O_READ, 0);
    leat_os_now()->close(fd);
    if (fd == -ENOENT) return LEAT_OK;
    LEAT_TRY(leat_hubdb_open(g->data, &db, g->e));
    leat_rc rc = leat_hubdb_each(db, take_row, g, g->e);
    for (const row_list *r = g->rows; r && rc == LEAT_OK; r = r->next)
        rc = seal_row(g, db, &r->row);
    if (rc == LEAT_OK) rc = seal_connections(g, db);
    if (rc == LEAT_OK) rc = leat_hubdb_scrub(db, g->e);
    leat_hubdb_close(db);
    return rc;
}

static leat_rc seal_states(rotation *g)
{
    const char **names;
    size_t n = 0;
    char *folder = leat_arena_printf(&g->a, "%s/connectors", g->data);
    int err = leat_os_names(folder, &g->a, &names, &n);
    if (err == -ENOENT) return LEAT_OK;
    if (err < 0) return leat_os_fail(g->e, err, "list", folder);
    for (size_t i = 0; i < n; i++) {
        leat_state *s = NULL;
        leat_rc rc = leat_state_open(g->data, names[i], true, &s, g->e);
        leat_state_close(s);
        bool none = rc != LEAT_OK && (strcmp(g->e->code, "connector.unknown") == 0 ||
                                      strcmp(g->e->code, "config.name") == 0);
        if (none) continue;
        if (rc == LEAT_OK) rc = leat_state_open(g->data, names[i], false, &s, g->e);
        if (rc != LEAT_OK) return rc;
        rc = leat_kept_seal_again(s, g->e);
        leat_state_close(s);
        if (rc != LEAT_OK) return rc;
        g->states++;
    }
    return LEAT_OK;
}

static leat_rc rotate_all(rotation *g)
{
    leat_rc rc = leat_seal_add(g->e);
    bool file = rc == LEAT_OK;
    /* of keys from the environment the first is the new one */
    if (rc != LEAT_OK && strcmp(g->e->where, "LEAT_KEY") != 0) return rc;
    LEAT_TRY(seal_hub(g));
    LEAT_TRY(seal_states(g));
    if (file) LEAT_TRY(leat_seal_drop(g->e));
    return LEAT_OK;
}

static int rotate(const char *data)
{
    leat_err err = {0};
    rotation g = {.data = data, .e = &err};
    char *path = leat_arena_printf(&g.a, "%s/hub.lock", data);
    int lock = leat_os_now()->open(path, LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_LOCK, 0600);
    leat_rc rc = LEAT_OK;
    if (lock == -EWOULDBLOCK)
        rc = leat_fail(&err, LEAT_CONF, "hub.locked", data,
                       "'leat serve' has this data folder and the key in its memory; stop it, "
                       "change the key, and start it again");
    else if (lock < 0)
        rc = leat_os_fail(&err, lock, "lock", path);
    if (rc == LEAT_OK) rc = rotate_all(&g);
    leat_os_now()->close(lock);
    if (rc == LEAT_OK)
        fprintf(stderr,
                "sealed anew: %u configurations of the hub, %u of connectors, %u connections\n",
                g.connectors, g.states, g.connections);
    leat_arena_free(&g.a);
    return rc == LEAT_OK ? LEAT_EXIT_OK : leat_cli_fail(&err);
}

int leat_cli_key(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    const leat_arg args[] = {LEAT_ARG_DATA(common), LEAT_ARG_JSON(common), {0}};
    const char *words[2];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 2, &nwords, &status)) return status;
    if (nwords == 1 && strcmp(words[0], "list") == 0) return list(&common);
    if (nwords == 1 && strcmp(words[0], "rotate") == 0) return rotate(common.data);
    return leat_cli_usage(argv[0], "expected list or rotate");
}
