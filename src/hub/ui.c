/* GET /ui and below: the page, out of the binary.
 *
 * Its files are named after what is in them, so browsers keep them for good; they are stored
 * compressed and sent so to who takes it. Every other path below /ui is a place inside the page and
 * answered by its one document, which says by <base> under which path browsers see the hub. */
#define ZLIB_CONST
#include <zlib.h>

#include "hub/inside.h"
#include "hub/ui_files.h"

enum { GZIP_WINDOW = 15 + 16 };

/* Scripts and workers come from here alone, and are made by the one policy of that name. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types leat";

static const char base_mark[] = "<base href=\"/ui/\">";

static const leat_ui_file *file_of(leat_str name)
{
    for (const leat_ui_file *f = leat_ui_files; f->name; f++)
        if (leat_str_is(name, f->name)) return f;
    return NULL;
}

/* One of the codings of an Accept-Encoding, and not by "q=0". */
static bool takes(leat_str encodings, const char *coding)
{
    leat_str rest = encodings;
    while (rest.s) {
        leat_str one = leat_str_cut(&rest, ',');
        leat_str name = leat_str_trim(leat_str_cut(&one, ';'));
        if (!leat_str_ieq(name, leat_str_of(coding))) continue;
        leat_str weight = one.s ? leat_str_trim(one) : LEAT_STR("");
        return !leat_str_is(weight, "q=0") && !leat_str_starts(weight, "q=0.0");
    }
    return false;
}

static void unpack(const leat_ui_file *f, leat_buf *out)
{
    z_stream z = {.next_in = f->gzip, .avail_in = (uInt)f->ngzip};
    leat_buf_grow(out, f->size + 1);
    z.next_out = (unsigned char *)out->p;
    z.avail_out = (uInt)f->size;
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) return;
    inflate(&z, Z_FINISH);
    out->len = z.total_out;
    inflateEnd(&z);
}

void leat_ui_send(const leat_ui_file *f, leat_http_call *c)
{
    c->type = f->type;
    if (f->brotli && takes(c->encodings, "br")) {
        c->encoding = "br";
        leat_buf_put(&c->out, f->brotli, f->nbrotli);
    } else if (takes(c->encodings, "gzip")) {
        c->encoding = "gzip";
        leat_buf_put(&c->out, f->gzip, f->ngzip);
    } else {
        unpack(f, &c->out);
    }
}

/* The document, with the path that browsers see. */
static void send_document(const leat_ui_file *f, leat_http_call *c)
{
    leat_str text = {(const char *)f->gzip, f->ngzip};
    const char *mark = memmem(text.s, text.len, base_mark, sizeof base_mark - 1);
    size_t before = mark ? (size_t)(mark - text.s) : 0;
    c->type = "text/html; charset=utf-8";
    c->cache = "no-cache";
    c->policy = policy;
    if (mark) {
        leat_buf_put(&c->out, text.s, before);
        leat_buf_printf(&c->out, "<base href=\"%s/ui/\">", c->prefix);
        before += sizeof base_mark - 1;
    }
    leat_buf_put(&c->out, text.s + before, text.len - before);
}

static void send_absence(leat_http_call *c)
{
    c->status = 404;
    c->type = "text/html; charset=utf-8";
    c->policy = policy;
    leat_buf_printf(
        &c->out,
        "<!doctype html><html lang=\"en\"><title>leat</title><h1>The page is not in this "
        "build</h1><p>%s</p><p>The hub serves its REST API all the same: see "
        "/hub/v1/openapi.json.</p></html>\n",
        leat_ui_absent);
}

void leat_hub_get_ui(void *hub, leat_http_call *c)
{
    (void)hub;
    leat_str path = c->path, asset = {0};
    if (leat_ui_absent) {
        send_absence(c);
        return;
    }
    if (leat_str_starts(path, "/ui/a/")) asset = (leat_str){path.s + 6, path.len - 6};
    const leat_ui_file *f = asset.s ? file_of(asset) : NULL;
    if (f && f->brotli) {
        c->cache = "public, max-age=31536000, immutable";
        leat_ui_send(f, c);
    } else if (asset.s)
        leat_http_fail(c, 404, "the page has no such file: reload it");
    else
        send_document(file_of(LEAT_STR("index.html")), c);
}

bool leat_hub_wants_page(const leat_http_call *c)
{
    leat_str accept = c->accept;
    return accept.s && memmem(accept.s, accept.len, "text/html", 9);
}
