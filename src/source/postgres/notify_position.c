/* Positions of capture by notifications: up to when all was heard.
 *
 *   partition   {"server":PREFIX}
 *   offset      {"heard_usec":N}     us since 1970, the server's clock
 *
 * Pure; any thread. */
#include "base/clock.h"
#include "base/json.h"
#include "source/postgres/notify.h"

leat_str leat_notify_partition(const leat_notify_conf *c, leat_arena *a)
{
    return leat_str_of(leat_arena_printf(a, "{\"server\":\"%s\"}", c->prefix));
}

leat_rc leat_notify_offset_read(leat_str text, int64_t *us, leat_err *e)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    leat_rc rc = leat_json_parse(&a, text, &j, e);
    const leat_json *heard = rc == LEAT_OK ? leat_json_get(j, "heard_usec") : NULL;
    bool good = heard && heard->type == LEAT_JSON_NUMBER && leat_str_i64(heard->text, us) &&
                !j->child->next;
    if (!good)
        rc = leat_fail(e, LEAT_CONF, "notify.position", "offset",
                       LEAT_STR_FMT " is no offset of this connector; expected "
                                    "{\"heard_usec\":N}, microseconds since 1970",
                       LEAT_STR_ARG(text));
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_notify_offset_check(const void *p, leat_position now, leat_position to, leat_arena *a,
                                 leat_position *out, const char **note, leat_err *e)
{
    int64_t us;
    (void)now;
    *note = NULL;
    *out = to;
    leat_str own = leat_notify_partition(p, a);
    if (!leat_str_eq(to.partition, own))
        return leat_fail(e, LEAT_CONF, "notify.position", "partition",
                         LEAT_STR_FMT " is no partition of this connector; expected " LEAT_STR_FMT,
                         LEAT_STR_ARG(to.partition), LEAT_STR_ARG(own));
    if (!to.offset.s) return LEAT_OK;
    LEAT_TRY(leat_notify_offset_read(to.offset, &us, e));
    *note = "fetch.query gets that moment at the next start";
    return LEAT_OK;
}

void leat_notify_offset_text(leat_str offset, leat_buf *out)
{
    int64_t us;
    char iso[LEAT_ISO_MAX];
    if (leat_notify_offset_read(offset, &us, NULL) == LEAT_OK)
        leat_buf_printf(out, "heard up to %s", leat_iso_us(us, 3, iso));
}
