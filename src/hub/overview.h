/* What the page's list of connectors shows, kept while somebody looks: a row of JSON each, which of
 * them changed, and rates. Private to hub/.
 *
 * However many pages are open, connectors are sampled once for all of them. */
#ifndef LEAT_HUB_OVERVIEW_H
#define LEAT_HUB_OVERVIEW_H

typedef struct leat_overview leat_overview;

leat_overview *leat_overview_new(void);
/* When no feed runs any more. */
void leat_overview_free(leat_overview *o);

#endif
