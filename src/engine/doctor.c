/* Scripts from steps; see the header. */
#include "engine/doctor.h"

#include "base/json.h"

/* A text as comments, each line behind "-- ". */
static void put_words(leat_buf *out, leat_str text)
{
    while (text.s) {
        leat_str line = leat_str_cut(&text, '\n');
        leat_buf_str_z(out, "-- ");
        leat_buf_add(out, line);
        leat_buf_u8(out, '\n');
    }
}

static void put_line(leat_buf *out, const char *statements)
{
    leat_buf_str_z(out, statements);
    leat_buf_u8(out, '\n');
}

static void put_step(leat_buf *out, const leat_step *s)
{
    leat_buf text = {0};
    leat_buf_printf(&text, "%s: %s", s->name, s->detail ? s->detail : "failed");
    put_words(out, leat_buf_str(&text));
    leat_buf_free(&text);
}

/* Before what is there: what was done last is taken back first. */
static void put_before(leat_buf *out, const leat_step *s)
{
    leat_buf text = {0};
    leat_buf_printf(&text, "-- %s\n%s\n", s->name, s->undo);
    leat_buf_add(&text, leat_buf_str(out));
    leat_buf_free(out);
    *out = text;
}

void leat_doctor_add(leat_doctor *d, const leat_step *s)
{
    bool failed = s->state == LEAT_STEP_FAILED;
    if (s->sql && s->undo) {
        d->statements++;
        put_step(&d->mend, s);
        put_line(&d->mend, s->sql);
        put_before(&d->undo, s);
        d->restart = d->restart || (failed && strstr(s->sql, "ALTER SYSTEM") != NULL);
        return;
    }
    if (!failed && !s->sql) return;
    d->hints++;
    put_step(&d->words, s);
    if (s->advice) put_words(&d->words, leat_str_of(s->advice));
    if (!s->sql) return;
    put_words(&d->words, LEAT_STR("Nothing takes this back; run it if it is right:"));
    put_words(&d->words, leat_str_of(s->sql));
}

void leat_doctor_script(const leat_doctor *d, const char *of, leat_buf *out)
{
    if (d->statements + d->hints == 0) return;
    leat_buf_printf(out, "-- What mends %s. Run it as an administrator, then check again.\n", of);
    leat_buf_add(out, leat_buf_str(&d->mend));
    if (d->restart)
        leat_buf_str_z(out, "-- Settings that ALTER SYSTEM has changed count once the server was "
                            "restarted.\n");
    if (d->hints) leat_buf_str_z(out, "-- What no statement mends by itself:\n");
    leat_buf_add(out, leat_buf_str(&d->words));
    if (d->undo.len == 0) return;
    leat_buf_str_z(out, "-- To take it back:\n");
    leat_str undo = leat_buf_str(&d->undo);
    if (undo.len && undo.s[undo.len - 1] == '\n') undo.len--;
    put_words(out, undo);
}

void leat_doctor_undo(const leat_doctor *d, const char *of, leat_buf *out)
{
    if (d->undo.len == 0) return;
    leat_buf_printf(out, "-- What takes back the mending of %s. Run it as an administrator.\n", of);
    leat_buf_add(out, leat_buf_str(&d->undo));
    if (d->restart)
        leat_buf_str_z(out, "-- Settings that ALTER SYSTEM has changed count once the server was "
                            "restarted.\n");
}

void leat_doctor_free(leat_doctor *d)
{
    leat_buf_free(&d->mend);
    leat_buf_free(&d->undo);
    leat_buf_free(&d->words);
}

void leat_step_write(const leat_step *s, const char *state, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "step", s->name);
    leat_jw_z(&w, "state", state);
    leat_jw_z(&w, "code", s->code);
    leat_jw_z(&w, "detail", s->detail);
    leat_jw_z(&w, "advice", s->advice);
    leat_jw_z(&w, "sql", s->sql);
    leat_jw_z(&w, "undo", s->undo);
    leat_jw_end(&w);
}
