/* The audit: who changed what, or was refused, and how it ended; in hub.db and in the log.
 *
 * By a handle of hub.db of its own, so that nobody waits for it who only looks at connectors. Paths
 * have no query, bodies are not kept, and of configurations what is shown to people: no secret
 * comes here. */
#include "base/clock.h"
#include "base/log.h"
#include "hub/inside.h"

enum { LIST_DEFAULT = 100, LIST_MOST = 1000 };

void leat_hub_told(void *hub, const leat_http_deed *deed)
{
    leat_hub *h = hub;
    leat_err err;
    leat_hubdb_deed row = {.who = deed->who.name,
                           .how = deed->who.how,
                           .role = leat_role_name(deed->who.role),
                           .address = deed->who.address,
                           .method = deed->method,
                           .path = deed->path,
                           .status = deed->status,
                           .changed = deed->changed};
    leat_log(deed->status < 400 ? LEAT_INFO : LEAT_WARN, "hub.audit",
             "who=%s how=%s address=%s method=%s path=%s status=%d", row.who, row.how, row.address,
             row.method, row.path, row.status);
    pthread_mutex_lock(&h->audit_guard);
    leat_rc rc = leat_hubdb_audit_add(h->audit, &row, &err);
    pthread_mutex_unlock(&h->audit_guard);
    if (rc != LEAT_OK) leat_log_err(LEAT_ERROR, &err);
}

typedef struct listing {
    leat_jw w;
    uint64_t left;
} listing;

static bool write_deed(void *arg, const leat_hubdb_deed *deed)
{
    listing *l = arg;
    char at[LEAT_ISO_MAX];
    if (l->left == 0) return false;
    l->left--;
    leat_jw_object(&l->w, NULL);
    leat_jw_i64(&l->w, "id", deed->id);
    leat_jw_z(&l->w, "at", leat_iso_us(deed->at_us, 3, at));
    leat_jw_z(&l->w, "who", deed->who);
    leat_jw_z(&l->w, "how", deed->how);
    leat_jw_z(&l->w, "role", deed->role);
    leat_jw_z(&l->w, "address", deed->address);
    leat_jw_z(&l->w, "method", deed->method);
    leat_jw_z(&l->w, "path", deed->path);
    leat_jw_i64(&l->w, "status", deed->status);
    if (deed->changed.s)
        leat_jw_raw(&l->w, "changed", deed->changed);
    else
        leat_jw_null(&l->w, "changed");
    leat_jw_end(&l->w);
    return true;
}

void leat_hub_get_audit(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_err err;
    leat_str limit = leat_http_query(c, "limit"), before = leat_http_query(c, "before");
    listing l = {.w = {.out = &c->out}, .left = LIST_DEFAULT};
    int64_t id = 0;
    if ((limit.s && (!leat_str_u64(limit, &l.left) || l.left == 0 || l.left > LIST_MOST)) ||
        (before.s && (!leat_str_i64(before, &id) || id < 1))) {
        leat_http_fail(c, 400, "limit: 1 to %d; before: an id, 1 or more", LIST_MOST);
        return;
    }
    leat_jw_object(&l.w, NULL);
    leat_jw_array(&l.w, "deeds");
    pthread_mutex_lock(&h->audit_guard);
    leat_rc rc = leat_hubdb_audit_each(h->audit, id, write_deed, &l, &err);
    pthread_mutex_unlock(&h->audit_guard);
    leat_jw_end(&l.w);
    leat_jw_end(&l.w);
    if (rc != LEAT_OK) leat_hub_fail(c, &err);
}

/* Who asks, as this hub knows them. */
void leat_hub_get_who(void *hub, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    (void)hub;
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", c->who.name);
    leat_jw_z(&w, "how", c->who.how);
    leat_jw_z(&w, "role", leat_role_name(c->who.role));
    leat_jw_z(&w, "address", c->who.address);
    leat_jw_end(&w);
}
