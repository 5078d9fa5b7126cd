/* ${provider:path:key} in values: what Kafka Connect's config providers do.
 *
 *   ${env:NAME}            an environment variable
 *   ${file:/path:key}      a key of a .properties file
 *   ${dir:/folder:file}    the content of a file in a folder, less one line end at its end; so does
 *                          ${directory:...}
 *
 * A reference that cannot be resolved is an error here (Kafka Connect leaves the text as it is, and
 * the server then refuses a password that reads "${...}"). What a reference brings in is not looked
 * at again. Error messages hold the reference, never what it stands for. Files are read anew at
 * each reference: secrets are not kept. Any thread. */
#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"
#include "config/files.h"
#include "config/load.h"

enum { SECRET_FILE_MAX = 1 << 20 }; /* bytes of a file that a reference names */

/* One reference: what stands between "${" and "}". path is absent without a second colon. */
typedef struct reference {
    leat_str provider, path, key;
    const char *option;
    leat_arena *a;
    leat_err *e;
} reference;

static leat_rc refuse(const reference *ref, const char *what)
{
    return leat_fail(ref->e, LEAT_CONF, "config.provider", ref->option,
                     "${" LEAT_STR_FMT ":" LEAT_STR_FMT "%s" LEAT_STR_FMT "}: %s",
                     LEAT_STR_ARG(ref->provider), LEAT_STR_ARG(ref->path), ref->path.len ? ":" : "",
                     LEAT_STR_ARG(ref->key), what);
}

static leat_rc read_file(const reference *ref, const char *path, leat_buf *out)
{
    const char *wrong = leat_files_wrong(path, ref->a);
    if (wrong) return refuse(ref, wrong);
    int err = leat_os_load(path, out, SECRET_FILE_MAX);
    if (err >= 0) return LEAT_OK;
    return refuse(ref,
                  leat_arena_printf(ref->a, "%s cannot be read: %s", path, leat_os_strerror(err)));
}

static leat_rc from_env(const reference *ref, leat_buf *out)
{
    if (ref->path.len > 0) return refuse(ref, "expected ${env:NAME}");
    const char *v = getenv(leat_arena_str(ref->a, ref->key).s);
    if (v == NULL) return refuse(ref, "this environment variable is not set");
    leat_buf_str_z(out, v);
    return LEAT_OK;
}

static leat_rc from_file(const reference *ref, leat_buf *out)
{
    if (ref->path.len == 0) return refuse(ref, "expected ${file:/path/to/file.properties:key}");
    const char *path = leat_arena_str(ref->a, ref->path).s;
    leat_buf text = {0};
    leat_rc rc = read_file(ref, path, &text);
    if (rc == LEAT_OK) {
        leat_props props;
        leat_props_init(&props, path);
        rc = leat_props_read(ref->a, leat_buf_str(&text), &props, ref->e);
        const char *v =
            rc == LEAT_OK ? leat_props_get(&props, leat_arena_str(ref->a, ref->key).s) : NULL;
        if (v)
            leat_buf_str_z(out, v);
        else if (rc == LEAT_OK)
            rc = refuse(ref, "the file has no such key");
    }
    leat_buf_free(&text);
    return rc;
}

static leat_rc from_dir(const reference *ref, leat_buf *out)
{
    if (ref->path.len == 0 || ref->key.len == 0) return refuse(ref, "expected ${dir:/folder:file}");
    if (memchr(ref->key.s, '/', ref->key.len) || leat_str_is(ref->key, ".."))
        return refuse(ref, "the file must stand in the folder itself");
    leat_buf text = {0};
    leat_rc rc = read_file(ref,
                           leat_arena_printf(ref->a, LEAT_STR_FMT "/" LEAT_STR_FMT,
                                             LEAT_STR_ARG(ref->path), LEAT_STR_ARG(ref->key)),
                           &text);
    leat_str v = leat_buf_str(&text);
    if (v.len > 0 && v.s[v.len - 1] == '\n') v.len--;
    if (v.len > 0 && v.s[v.len - 1] == '\r') v.len--;
    if (rc == LEAT_OK && v.len > 0 && memchr(v.s, '\0', v.len))
        rc = refuse(ref, "the file holds a NUL byte; a text is expected");
    if (rc == LEAT_OK) leat_buf_add(out, v);
    leat_buf_free(&text);
    return rc;
}

/* What stands at value[at] ("${" is there) as a reference; false if it is none: no colon, or no
 * end. len: bytes of it in the value. */
static bool read_reference(const char *value, reference *ref, size_t *len)
{
    const char *end = strchr(value, '}');
    if (end == NULL) return false;
    leat_str rest = {value + 2, (size_t)(end - value) - 2};
    if (memchr(rest.s, ':', rest.len) == NULL) return false;
    ref->provider = leat_str_cut(&rest, ':');
    ref->path = (leat_str){"", 0};
    if (memchr(rest.s, ':', rest.len)) ref->path = leat_str_cut(&rest, ':');
    ref->key = rest;
    *len = (size_t)(end - value) + 1;
    return true;
}

static leat_rc resolve_value(const leat_prop *p, leat_arena *a, leat_buf *out, leat_err *e)
{
    const char *at = p->value;
    for (const char *next; (next = strstr(at, "${")) != NULL;) {
        reference ref = {.option = p->name, .a = a, .e = e};
        size_t len;
        leat_buf_put(out, at, (size_t)(next - at));
        if (!read_reference(next, &ref, &len)) {
            leat_buf_put(out, next, 2);
            at = next + 2;
            continue;
        }
        at = next + len;
        if (leat_str_is(ref.provider, "env"))
            LEAT_TRY(from_env(&ref, out));
        else if (leat_str_is(ref.provider, "file"))
            LEAT_TRY(from_file(&ref, out));
        else if (leat_str_is(ref.provider, "dir") || leat_str_is(ref.provider, "directory"))
            LEAT_TRY(from_dir(&ref, out));
        else
            return refuse(&ref, "no such provider; there are env, file and dir");
    }
    leat_buf_str_z(out, at);
    return LEAT_OK;
}

leat_rc leat_config_resolve(leat_arena *a, leat_props *props, leat_err *e)
{
    leat_buf out = {0};
    leat_rc rc = LEAT_OK;
    for (leat_prop *p = props->first; p && rc == LEAT_OK; p = p->next) {
        if (strstr(p->value, "${") == NULL) continue;
        leat_buf_clear(&out);
        rc = resolve_value(p, a, &out, e);
        leat_str value = leat_arena_str(a, leat_buf_str(&out));
        if (rc != LEAT_OK || leat_str_is(value, p->value)) continue;
        p->value = value.s;
        p->brought = true;
    }
    leat_buf_free(&out);
    return rc;
}
