/* Random UUIDs (RFC 9562), for names that nobody else gives. */
#ifndef LEAT_BASE_UUID_H
#define LEAT_BASE_UUID_H

enum { LEAT_UUID_MAX = 37 };

/* Version 4: random throughout. Returns out. */
char *leat_uuid4(char out[LEAT_UUID_MAX]);
/* Version 7: begins with the time of day in milliseconds, so that later ones sort behind. Returns
 * out. */
char *leat_uuid7(char out[LEAT_UUID_MAX]);

#endif
