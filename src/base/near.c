/* Edit distance (base/near.h): three rows of the usual table. */
#include "base/near.h"

enum { LEN = 130, FAR = 99 }; /* two names of PostgreSQL's and a dot */

char leat_near_plain(char c)
{
    if (c >= 'A' && c <= 'Z') return (char)(c - 'A' + 'a');
    return c == '_' || c == '-' ? '.' : c;
}

unsigned leat_near(leat_str x, leat_str y)
{
    unsigned d[3][LEN + 1];
    size_t n = x.len, m = y.len;
    if (n > LEN || m > LEN) return FAR;
    for (unsigned j = 0; j <= m; j++) d[0][j] = j;
    for (unsigned i = 1; i <= n; i++) {
        unsigned *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= m; j++) {
            char cx = leat_near_plain(x.s[i - 1]), cy = leat_near_plain(y.s[j - 1]);
            unsigned best = up[j - 1] + (cx != cy);
            if (up[j] + 1 < best) best = up[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && cx == leat_near_plain(y.s[j - 2]) &&
                leat_near_plain(x.s[i - 2]) == cy && up2[j - 2] + 1 < best)
                best = up2[j - 2] + 1;
            row[j] = best;
        }
    }
    return d[n % 3][m];
}

unsigned leat_near_limit(leat_str name)
{
    return (unsigned)(name.len / 6 + 2);
}
