/* The page's files, as the build made them of web/ (tools/page.py), and the documentation's, made
 * of docs/ (tools/site.py). Private to hub/. */
#ifndef LEAT_HUB_UI_FILES_H
#define LEAT_HUB_UI_FILES_H

#include <stddef.h>

struct leat_http_call;

/* A file below /ui/a/, named after what is in it; or index.html, which is not compressed. Or one of
 * the documentation: its path below /docs/, without brotli. */
typedef struct leat_ui_file {
    const char *name, *type;
    const unsigned char *gzip, *brotli; /* of index.html: the text as it is, and NULL */
    size_t ngzip, nbrotli, size;        /* size: of the text */
} leat_ui_file;

/* Ends with name NULL. */
extern const leat_ui_file leat_ui_files[];
extern const leat_ui_file leat_docs_files[];
/* As the answer, in a coding that the client takes. */
void leat_ui_send(const leat_ui_file *f, struct leat_http_call *c);
/* Why there are none of the page; NULL: there are. */
extern const char *const leat_ui_absent;

#endif
