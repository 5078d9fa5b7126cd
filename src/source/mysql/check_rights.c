/* The doctor's GRANTs: to which account, and of many tables in one step. Run by any thread. */
#include "source/mysql/check.h"

const char *leat_my_exam_account(leat_my_exam *x)
{
    leat_err e;
    const char *account;
    bool known = leat_my_account(&x->sql, x->a, &account, &e) == LEAT_OK;
    return known ? account : leat_arena_printf(x->a, "'%s'@'%%'", x->target.user);
}

void leat_my_lack(leat_my_exam *x, leat_my_lacking *l, const leat_my_relation *t,
                  const char *rights)
{
    enum { NAMED = 5 };
    leat_buf name = {0};
    const char *user = leat_my_exam_account(x);
    leat_my_put_table(&name, leat_str_of(t->db), leat_str_of(t->name));
    leat_buf_u8(&name, 0);
    if (++l->n <= NAMED)
        leat_buf_printf(&l->names, "%s%s on %s", l->n > 1 ? "; " : "", rights, name.p);
    leat_buf_printf(&l->sql, "%sGRANT %s ON %s TO %s;", l->n > 1 ? "\n" : "", rights, name.p, user);
    leat_buf_printf(&l->undo, "%sREVOKE %s ON %s FROM %s;", l->n > 1 ? "\n" : "", rights, name.p,
                    user);
    if (l->n == NAMED + 1) leat_buf_str_z(&l->names, "; ...");
    leat_buf_free(&name);
}

bool leat_my_tell_lacking(leat_my_exam *x, leat_my_lacking *l, const char *step)
{
    bool some = l->n > 0;
    if (some)
        leat_my_step(
            x, &(leat_step){.name = step,
                            .state = LEAT_STEP_FAILED,
                            .code = "mysql.privilege",
                            .detail = leat_arena_printf(x->a, "the user lacks " LEAT_STR_FMT,
                                                        LEAT_STR_ARG(leat_buf_str(&l->names))),
                            .advice = "run the statements as an administrator",
                            .sql = leat_arena_str(x->a, leat_buf_str(&l->sql)).s,
                            .undo = leat_arena_str(x->a, leat_buf_str(&l->undo)).s});
    leat_buf_free(&l->names);
    leat_buf_free(&l->sql);
    leat_buf_free(&l->undo);
    return some;
}
