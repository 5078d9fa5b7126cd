/* Claims of topics (stream/topics.h).
 *
 * A claim is a small file, {"connector":NAME}, stored whole by rename; ".lock" beside the claims
 * keeps two that claim apart for as long as one takes. Who may remove a claim is decided in
 * topics_delete.c. Any process. */
#include "stream/topics.h"

#include <errno.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/os.h"

enum { NAME_LONGEST = 240, CLAIM_MOST = 4096, LOCK_WAIT_US = 2000000 };

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

void leat_topics_escape(leat_buf *out, leat_str topic)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < topic.len; i++) {
        unsigned char c = (unsigned char)topic.s[i];
        leat_str rest = {topic.s + i, topic.len - i};
        /* no hidden file, and none that another claim's temporary file would replace */
        bool special = c == '.' && (i == 0 || leat_str_is(rest, ".tmp"));
        if (plain((char)c) && !special) {
            leat_buf_u8(out, c);
            continue;
        }
        leat_buf_u8(out, '%');
        leat_buf_u8(out, (unsigned char)hex[c >> 4]);
        leat_buf_u8(out, (unsigned char)hex[c & 15]);
    }
}

bool leat_topics_unescape(leat_buf *out, leat_str file)
{
    size_t before = out->len;
    for (size_t i = 0; i < file.len; i++) {
        leat_str two = {file.s + i + 1, 2};
        if (plain(file.s[i]) && !(i == 0 && file.s[i] == '.')) {
            leat_buf_u8(out, (unsigned char)file.s[i]);
        } else if (file.s[i] == '%' && file.len - i > 2 && leat_buf_unhex(out, two)) {
            i += 2;
        } else {
            out->len = before;
            return false;
        }
    }
    return true;
}

static leat_rc claim_path(const char *data, leat_str topic, leat_buf *out, leat_err *e)
{
    leat_buf_printf(out, "%s/topics/", data);
    size_t at = out->len;
    leat_topics_escape(out, topic);
    size_t len = out->len - at;
    *leat_buf_room(out, 1) = '\0';
    if (len > 0 && len <= NAME_LONGEST) return LEAT_OK;
    return leat_fail(
        e, LEAT_CONF, "topic.name", "",
        "the topic \"%.*s\" cannot be claimed: its name takes %zu bytes as a file name, "
        "from 1 to %d are possible; give the topic another name",
        (int)(topic.len < 100 ? topic.len : 100), topic.s, len, NAME_LONGEST);
}

/* The connector that a claim names, in a; AGAIN: there is no such claim. */
static leat_rc owner_of(const char *path, leat_arena *a, const char **connector, leat_err *e)
{
    leat_buf text = {0};
    int rc = leat_os_load(path, &text, CLAIM_MOST);
    const leat_json *claim = NULL;
    const char *name = NULL;
    if (rc == 0 && leat_json_parse(a, leat_buf_str(&text), &claim, NULL) == LEAT_OK)
        name = leat_json_get_str(claim, "connector").s;
    leat_buf_free(&text);
    if (rc == -ENOENT) return LEAT_AGAIN;
    if (rc < 0) return leat_os_fail(e, rc, "read", path);
    if (name == NULL)
        return leat_fail(e, LEAT_CONF, "topic.bad_claim", path,
                         "%s does not say which connector writes the topic: expected "
                         "{\"connector\":\"NAME\"}. Write that, or remove the file if none does",
                         path);
    *connector = name;
    return LEAT_OK;
}

/* OK: it is the connector's; AGAIN: nobody's. */
static leat_rc look(const char *path, leat_str topic, const char *connector, leat_err *e)
{
    leat_arena a = {0};
    const char *owner = "";
    leat_rc rc = owner_of(path, &a, &owner, e);
    if (rc == LEAT_OK && strcmp(owner, connector) != 0)
        rc = leat_fail(
            e, LEAT_CONF, "topic.claimed", owner,
            "the topic \"%.*s\" belongs to the connector \"%s\": an embedded topic has one "
            "writer. Give this connector's topics another prefix, or remove the other "
            "one with its topics",
            (int)topic.len, topic.s, owner);
    leat_arena_free(&a);
    return rc;
}

static leat_rc lock_claims(const char *data, int *fd, leat_err *e)
{
    leat_buf path = {0};
    leat_buf_printf(&path, "%s/topics", data);
    int rc = leat_os_mkdirs(path.p, 0700);
    leat_buf_put(&path, "/.lock", sizeof("/.lock"));
    if (rc == 0) *fd = leat_os_lock(path.p, LEAT_O_WRITE | LEAT_O_CREATE, LOCK_WAIT_US);
    if (rc == 0 && *fd < 0) rc = *fd;
    leat_rc out = rc < 0 ? leat_os_fail(e, rc, "lock", path.p) : LEAT_OK;
    leat_buf_free(&path);
    return out;
}

static int write_claim(const char *path, const char *connector)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "connector", connector);
    leat_jw_end(&w);
    leat_buf_u8(&text, '\n');
    int fault = LEAT_FAULT(topic_claim);
    int rc = fault ? -fault : leat_os_store(path, leat_buf_str(&text), 0600);
    leat_buf_free(&text);
    return rc;
}

static leat_rc claim(const char *data, const char *path, leat_str topic, const char *connector,
                     leat_err *e)
{
    int fd = -1;
    LEAT_TRY(lock_claims(data, &fd, e));
    leat_rc rc = look(path, topic, connector, e);
    if (rc == LEAT_AGAIN) {
        int failed = write_claim(path, connector);
        rc = failed < 0 ? leat_os_fail(e, failed, "write", path) : LEAT_OK;
    }
    leat_os_now()->close(fd);
    return rc;
}

/* A claim that is there may be of a process that died before it synced the folder. */
static leat_rc sync_claims(const char *data, leat_err *e)
{
    leat_buf path = {0};
    leat_buf_printf(&path, "%s/topics", data);
    int rc = leat_os_now()->sync_dir(path.p);
    leat_rc out = rc < 0 ? leat_os_fail(e, rc, "sync the folder", path.p) : LEAT_OK;
    leat_buf_free(&path);
    return out;
}

leat_rc leat_topics_claim(const char *data, leat_str topic, const char *connector, leat_err *e)
{
    leat_buf path = {0};
    leat_rc rc = claim_path(data, topic, &path, e);
    if (rc == LEAT_OK) rc = look(path.p, topic, connector, e);
    if (rc == LEAT_OK) rc = sync_claims(data, e);
    if (rc == LEAT_AGAIN) rc = claim(data, path.p, topic, connector, e);
    leat_buf_free(&path);
    return rc;
}

leat_rc leat_topics_release(const char *data, leat_str topic, const char *connector, leat_err *e)
{
    leat_buf path = {0};
    int fd = -1;
    leat_rc rc = claim_path(data, topic, &path, e);
    if (rc == LEAT_OK) rc = lock_claims(data, &fd, e);
    if (rc == LEAT_OK) rc = look(path.p, topic, connector, e);
    if (rc == LEAT_OK) {
        int failed = leat_os_now()->unlink(path.p);
        rc = failed < 0 ? leat_os_fail(e, failed, "remove", path.p) : sync_claims(data, e);
    }
    leat_os_now()->close(fd);
    leat_buf_free(&path);
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

leat_rc leat_topics_reclaim(const char *data, const char *const *topics, size_t n,
                            const char *connector, leat_err *e)
{
    leat_buf path = {0};
    leat_rc rc = LEAT_OK;
    for (size_t i = 0; i < n && !leat_rc_failed(rc); i++) {
        leat_buf_clear(&path);
        rc = claim_path(data, leat_str_of(topics[i]), &path, e);
        if (rc == LEAT_OK) rc = look(path.p, leat_str_of(topics[i]), connector, e);
        if (rc != LEAT_AGAIN) continue;
        rc = claim(data, path.p, leat_str_of(topics[i]), connector, e);
        if (rc == LEAT_OK)
            leat_log(LEAT_WARN, "topic.claimed_again", "topic=\"%s\" its claim was missing",
                     topics[i]);
    }
    leat_buf_free(&path);
    return rc;
}

leat_rc leat_topics_claimed(const char *data, leat_str topic, leat_arena *a, const char **connector,
                            leat_err *e)
{
    leat_buf path = {0};
    leat_rc rc = claim_path(data, topic, &path, e);
    if (rc == LEAT_OK) rc = owner_of(path.p, a, connector, e);
    leat_buf_free(&path);
    return rc;
}
