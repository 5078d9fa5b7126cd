/* Placing a connector: what a takeover leaves here, a configuration and where to go on. See
 * process.h. Run by a command's thread, under the connector's lock. */
#include "base/log.h"
#include "engine/kept.h"
#include "engine/running.h"

leat_rc leat_process_note_gap(leat_process *p, const leat_position *to, size_t n, leat_err *e)
{
    const leat_source_history *history = p->setup.source->history;
    const leat_stream_state *st = p->stream->ops->state(p->stream);
    leat_schema_store *store = leat_state_schema_store(p->state);
    bool empty = true;
    if (history) LEAT_TRY(store->empty(store, &empty, e));
    for (size_t i = 0; i < n && !empty; i++) {
        const leat_position *at = leat_position_find(st->pos, st->npos, to[i].partition);
        leat_position was = {to[i].partition, at ? at->offset : (leat_str){0}};
        bool doubt;
        if (!history->skips(was, to[i], &doubt)) continue;
        const leat_schema_entry gap = {
            .place = was.offset.s && !doubt ? was.offset : LEAT_STR("{}"), .what = LEAT_STR("gap")};
        LEAT_TRY(store->add(store, &gap, 1, e));
    }
    return LEAT_OK;
}

/* What a person paused stays so; what a hand-over paused goes on. */
static leat_rc write_all(leat_process *p, const leat_position *pos, size_t n, const char *by,
                         leat_err *e)
{
    LEAT_TRY(leat_kept_store(p->state, p->conf.config, e));
    const leat_stream_state *st = p->stream->ops->state(p->stream);
    leat_position *was = LEAT_NEW(&p->arena, leat_position, st->npos + 1);
    for (size_t i = 0; i < st->npos; i++)
        was[i] = (leat_position){leat_arena_str(&p->arena, st->pos[i].partition),
                                 st->pos[i].offset.s ? leat_arena_str(&p->arena, st->pos[i].offset)
                                                     : (leat_str){0}};
    if (st->npos > 0)
        LEAT_TRY(leat_state_positions_add(p->state, was, st->npos, LEAT_NOTED_BEFORE, by, e));
    LEAT_TRY(leat_process_note_gap(p, pos, n, e));
    LEAT_TRY(p->stream->ops->edit(p->stream, pos, n,
                                  LEAT_STR("{\"snapshot\":{\"state\":\"done\"}}"), e));
    LEAT_TRY(leat_state_positions_add(p->state, pos, n, LEAT_NOTED_EDIT, by, e));
    return leat_state_desired_set(p->state, false, by, e);
}

leat_rc leat_process_place(const char *data, const leat_config *config, const leat_position *pos,
                           size_t n, const char *by, leat_err *e)
{
    leat_process p = {.conf = {.data = data, .name = config->name, .config = config}, .lock = -1};
    leat_report r;
    leat_arena_init(&p.arena, 0);
    pthread_mutex_init(&p.guard, NULL);
    leat_report_init(&r, &p.arena);
    leat_rc rc = leat_setup_parse(config, false, &p.arena, &p.setup, &r)
                     ? LEAT_OK
                     : leat_report_err(&r, config->name, e);
    if (rc == LEAT_OK) rc = leat_process_lock(&p, NULL, e);
    if (rc == LEAT_OK) rc = leat_state_open(data, config->name, false, &p.state, e);
    p.notes = p.state;
    if (rc == LEAT_OK) rc = leat_process_stream(&p, e);
    if (rc == LEAT_OK) rc = write_all(&p, pos, n, by, e);
    leat_process_close(&p);
    return rc;
}
