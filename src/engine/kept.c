/* Sealing on the way into state.db. Run by whoever has the connector's lock, or makes it. */
#include "engine/kept.h"

#include "sink/sink.h"
#include "source/source.h"

leat_opt_tables leat_kept_tables(const leat_config *config)
{
    leat_str klass = leat_str_trim(leat_str_of(leat_props_get(&config->props, "connector.class")));
    const leat_source *source = leat_source_find(klass);
    const leat_sink *sink = source ? NULL : leat_sink_find(klass);
    return source ? source->options : sink ? sink->options : NULL;
}

leat_rc leat_kept_write(const leat_config *config, leat_buf *out, leat_err *e)
{
    return leat_config_keep(config, leat_kept_tables(config), false, out, e);
}

/* What is stored; NULL: nothing, or nothing that can be understood. */
static leat_rc stored(leat_state *s, leat_arena *a, leat_config **out, leat_err *e)
{
    leat_str json;
    *out = NULL;
    LEAT_TRY(leat_state_config_get(s, a, &json, e));
    if (json.s) leat_config_json(a, json, NULL, out, NULL);
    return LEAT_OK;
}

leat_rc leat_kept_store(leat_state *s, const leat_config *config, leat_err *e)
{
    leat_arena a = {0};
    leat_buf json = {0};
    leat_config *was;
    leat_rc rc = stored(s, &a, &was, e);
    bool bare = rc == LEAT_OK && was && leat_config_bare(was, leat_kept_tables(was));
    if (rc == LEAT_OK) rc = leat_kept_write(config, &json, e);
    if (rc == LEAT_OK) rc = leat_state_config_set(s, leat_buf_str(&json), e);
    if (rc == LEAT_OK && bare) rc = leat_state_scrub(s, e);
    leat_buf_free(&json);
    leat_arena_free(&a);
    return rc;
}

leat_rc leat_kept_seal_again(leat_state *s, leat_err *e)
{
    leat_arena a = {0};
    leat_buf json = {0};
    leat_config *was;
    leat_rc rc = stored(s, &a, &was, e);
    if (rc == LEAT_OK && was) {
        rc = leat_config_keep(was, leat_kept_tables(was), true, &json, e);
        if (rc == LEAT_OK) rc = leat_state_config_set(s, leat_buf_str(&json), e);
        if (rc == LEAT_OK) rc = leat_state_scrub(s, e);
    }
    leat_buf_free(&json);
    leat_arena_free(&a);
    return rc;
}
