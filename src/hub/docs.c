/* GET /docs and below: docs/ as a site, out of the binary (tools/site.py).
 *
 * A page's name is its path below /docs/, so links between pages are relative and hold behind a
 * proxy. Who asks for a file of Markdown, as links in the repository name them, is sent to its
 * page. */
#include "hub/inside.h"
#include "hub/ui_files.h"

/* Scripts, styles and pictures of the site alone. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

static const leat_ui_file *file_of(leat_str name)
{
    for (const leat_ui_file *f = leat_docs_files; f->name; f++)
        if (leat_str_is(name, f->name)) return f;
    return NULL;
}

/* Takes the end off, if it has that one. */
static bool without(leat_str *name, const char *end)
{
    size_t n = strlen(end);
    if (name->len < n || memcmp(name->s + name->len - n, end, n) != 0) return false;
    name->len -= n;
    return true;
}

static void go(leat_http_call *c, leat_str to)
{
    c->status = 303;
    c->location = leat_arena_printf(&c->a, "%s/docs/%.*s", c->prefix, LEAT_STR_ARG(to));
}

void leat_hub_get_docs(void *hub, leat_http_call *c)
{
    (void)hub;
    leat_str name = c->path;
    if (leat_str_is(name, "/docs")) {
        go(c, LEAT_STR(""));
        return;
    }
    name = (leat_str){name.s + 6, name.len - 6};
    const leat_ui_file *f = file_of(name);
    if (without(&name, "README.md") || without(&name, ".md"))
        go(c, name);
    else if (f)
        leat_ui_send(f, c);
    else
        leat_http_fail(c, 404, "the documentation has no such page; /docs/ lists all");
    c->policy = policy;
    c->cache = "no-cache";
}
