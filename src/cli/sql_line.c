/* Lines by libedit (cli/sql_line.h).
 *
 * Ctrl-C comes as a character, so that it ends what is typed and not the program. The file of the
 * history has a statement a line and none that holds values of options, which may be secret. */
#include "cli/sql_line.h"

#include <histedit.h>
#include <stdio.h>

#include "base/os.h"

enum { HISTORY_LINES = 1000, HISTORY_BYTES = 256 << 10 };

struct leat_sql_line {
    EditLine *el;
    History *history;
    char *file;
    leat_buf kept; /* of the file */
    leat_sql_complete complete;
    void *arg;
    bool more, cancelled;
};

static char *prompt(EditLine *el)
{
    static char first[] = "leat> ", next[] = "    > ";
    leat_sql_line *l = NULL;
    el_get(el, EL_CLIENTDATA, &l);
    return l->more ? next : first;
}

static unsigned char on_cancel(EditLine *el, int c)
{
    leat_sql_line *l = NULL;
    (void)c;
    el_get(el, EL_CLIENTDATA, &l);
    l->cancelled = true;
    return CC_NEWLINE;
}

/* How many bytes at the beginning all of them share, in any case. */
static size_t common(const char *const *words, size_t n)
{
    size_t len = strlen(words[0]);
    for (size_t i = 1; i < n; i++) {
        size_t same = 0, most = strlen(words[i]);
        while (same < len && same < most &&
               leat_str_ieq((leat_str){words[0] + same, 1}, (leat_str){words[i] + same, 1}))
            same++;
        len = same;
    }
    return len;
}

static unsigned char on_complete(EditLine *el, int c)
{
    leat_sql_line *l = NULL;
    const LineInfo *info = el_line(el);
    const char *at = info->cursor;
    const char **words = NULL;
    leat_arena a = {0};
    unsigned char result = CC_ERROR;
    (void)c;
    el_get(el, EL_CLIENTDATA, &l);
    while (at > info->buffer && !strchr(" \t(),;='\"`", at[-1])) at--;
    leat_str word = {at, (size_t)(info->cursor - at)};
    bool first =
        !l->more && leat_str_trim((leat_str){info->buffer, (size_t)(at - info->buffer)}).len == 0;
    bool quoted = at > info->buffer && strchr("'\"`", at[-1]);
    size_t n = l->complete(l->arg, word, quoted, first, &a, &words);
    size_t len = n > 0 ? common(words, n) : 0;
    if (n > 0 && (len > word.len || n == 1)) {
        el_deletestr(el, (int)word.len);
        el_insertstr(
            el, leat_arena_printf(&a, "%.*s%s", (int)len, words[0], n == 1 && !quoted ? " " : ""));
        result = CC_REFRESH;
    } else if (n > 1) {
        putchar('\n');
        for (size_t i = 0; i < n; i++) printf("%s%s", words[i], i + 1 < n ? "  " : "\n");
        result = CC_REDISPLAY;
    }
    leat_arena_free(&a);
    return result;
}

static void load(leat_sql_line *l)
{
    HistEvent ev;
    leat_arena a = {0};
    if (!l->file || leat_os_load(l->file, &l->kept, HISTORY_BYTES) < 0) return;
    leat_str rest = leat_buf_str(&l->kept);
    while (rest.s) {
        leat_str line = leat_str_cut(&rest, '\n');
        if (line.len > 0) history(l->history, &ev, H_ENTER, leat_arena_str(&a, line).s);
    }
    leat_arena_free(&a);
}

leat_sql_line *leat_sql_line_open(const char *file, leat_sql_complete complete, void *arg)
{
    leat_sql_line *l = leat_zalloc(1, sizeof *l);
    HistEvent ev;
    l->complete = complete;
    l->arg = arg;
    l->file = file ? leat_strdup(file) : NULL;
    l->el = el_init("leat", stdin, stdout, stderr);
    l->history = history_init();
    history(l->history, &ev, H_SETSIZE, HISTORY_LINES);
    history(l->history, &ev, H_SETUNIQUE, 1);
    el_set(l->el, EL_CLIENTDATA, l);
    el_set(l->el, EL_PROMPT, prompt);
    el_set(l->el, EL_EDITOR, "emacs");
    el_set(l->el, EL_HIST, history, l->history);
    el_set(l->el, EL_ADDFN, "leat-complete", "complete the word", on_complete);
    el_set(l->el, EL_ADDFN, "leat-cancel", "forget what is typed", on_cancel);
    el_set(l->el, EL_BIND, "^I", "leat-complete", NULL);
    el_set(l->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(l->el, EL_SETTY, "-d", "-isig", NULL);
    el_set(l->el, EL_BIND, "^C", "leat-cancel", NULL);
    el_source(l->el, NULL);
    load(l);
    return l;
}

void leat_sql_line_close(leat_sql_line *l)
{
    leat_str text = leat_buf_str(&l->kept);
    while (text.len > HISTORY_BYTES / 2) leat_str_cut(&text, '\n');
    if (l->file && text.s) leat_os_store(l->file, text, 0600);
    history_end(l->history);
    el_end(l->el);
    leat_buf_free(&l->kept);
    leat_free(l->file);
    leat_free(l);
}

leat_sql_read leat_sql_line_next(leat_sql_line *l, bool more, leat_buf *out)
{
    int n = 0;
    l->more = more;
    l->cancelled = false;
    const char *line = el_gets(l->el, &n);
    if (l->cancelled) {
        puts("^C");
        el_reset(l->el);
        return LEAT_SQL_READ_CANCEL;
    }
    if (!line || n <= 0) return LEAT_SQL_READ_END;
    leat_buf_put(out, line, (size_t)n);
    return LEAT_SQL_READ_LINE;
}

void leat_sql_line_note(leat_sql_line *l, leat_str statement, bool secret)
{
    leat_arena a = {0};
    HistEvent ev;
    char *line = leat_arena_strdup(&a, leat_arena_str(&a, leat_str_trim(statement)).s);
    for (char *p = line; *p; p++)
        if (*p == '\n' || *p == '\r') *p = ' ';
    history(l->history, &ev, H_ENTER, line);
    if (!secret) leat_buf_printf(&l->kept, "%s\n", line);
    leat_arena_free(&a);
}
