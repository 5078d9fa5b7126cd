/* Files of cursors; see the header. */
#include "engine/cursors.h"

#include <errno.h>

#include "base/fault.h"
#include "base/os.h"

enum { FILE_MOST = 16 << 20 };

char *leat_cursors_path(const char *data, const char *source, const char *sink, leat_arena *a)
{
    return leat_arena_printf(a, "%s/connectors/%s/stream/readers/%s", data, source, sink);
}

leat_rc leat_cursors_parse(leat_str text, const char *path, leat_arena *a, const leat_json **inputs,
                           leat_cursors_stamp *stamp, leat_err *e)
{
    const leat_json *j = NULL;
    leat_err why = {0};
    leat_rc rc = leat_json_parse(a, text, &j, &why);
    const leat_json *all = leat_json_get(j, "inputs");
    if (rc != LEAT_OK || !all || all->type != LEAT_JSON_ARRAY)
        return leat_fail(e, LEAT_CONF, "sink.cursor", path,
                         "the sink's cursor cannot be understood: %s. To deliver everything again "
                         "from the beginning, remove %s",
                         *why.msg ? why.msg : "it holds no \"inputs\"", path);
    *inputs = all->child;
    leat_str id = leat_json_get_str(j, "id");
    *stamp = (leat_cursors_stamp){id.s, leat_json_get_i64(j, "seq", 0)};
    return LEAT_OK;
}

leat_rc leat_cursors_load_stamped(const char *path, leat_arena *a, const leat_json **inputs,
                                  leat_cursors_stamp *stamp, leat_err *e)
{
    leat_buf text = {0};
    *inputs = NULL;
    *stamp = (leat_cursors_stamp){0};
    int err = -LEAT_FAULT(cursor_read);
    if (err == 0) err = leat_os_load(path, &text, FILE_MOST);
    leat_rc rc = LEAT_OK;
    if (err >= 0) rc = leat_cursors_parse(leat_buf_str(&text), path, a, inputs, stamp, e);
    leat_buf_free(&text);
    if (err < 0 && err != -ENOENT) return leat_os_fail(e, err, "read the cursor in", path);
    return rc;
}

leat_rc leat_cursors_load(const char *path, leat_arena *a, const leat_json **inputs, leat_err *e)
{
    leat_cursors_stamp stamp;
    return leat_cursors_load_stamped(path, a, inputs, &stamp, e);
}

leat_rc leat_cursors_store(const char *path, leat_str text, leat_err *e)
{
    int err = -LEAT_FAULT(cursor_store);
    if (err == 0) err = leat_os_store(path, text, 0600);
    return err < 0 ? leat_os_fail(e, err, "store the cursor in", path) : LEAT_OK;
}

void leat_cursors_begin(leat_jw *w, const char *sink, const leat_cursors_stamp *stamp)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "sink", sink);
    if (stamp && stamp->id) {
        leat_jw_z(w, "id", stamp->id);
        leat_jw_i64(w, "seq", stamp->seq);
    }
    leat_jw_array(w, "inputs");
}

void leat_cursors_input_end(leat_jw *w, leat_str cursor, int64_t offset, const leat_sink_counts *c)
{
    leat_jw_str(w, "cursor", cursor);
    if (offset > 0) leat_jw_i64(w, "offset", offset);
    leat_jw_i64(w, "read", (int64_t)c->read);
    leat_jw_i64(w, "delivered", (int64_t)c->delivered);
    leat_jw_i64(w, "filtered", (int64_t)c->filtered);
    leat_jw_i64(w, "dead", (int64_t)c->dead);
    leat_jw_end(w);
}

void leat_cursors_end(leat_jw *w)
{
    leat_jw_end(w);
    leat_jw_end(w);
    leat_buf_u8(w->out, '\n');
}

leat_sink_counts leat_cursors_counts(const leat_json *input)
{
    return (leat_sink_counts){
        .read = (uint64_t)leat_json_get_i64(input, "read", 0),
        .delivered = (uint64_t)leat_json_get_i64(input, "delivered", 0),
        .filtered = (uint64_t)leat_json_get_i64(input, "filtered", 0),
        .dead = (uint64_t)leat_json_get_i64(input, "dead", 0),
    };
}

void leat_sink_counts_add(leat_sink_counts *to, const leat_sink_counts *c)
{
    to->read += c->read;
    to->delivered += c->delivered;
    to->filtered += c->filtered;
    to->dead += c->dead;
}
