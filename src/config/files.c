/* The one folder, as its real path. Any thread. */
#include "config/files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/os.h"

static bool restricted, no_code;
static char root[PATH_MAX]; /* empty: no file may be named */
static const char *own;     /* the data folder, as it was given */

leat_rc leat_files_restrict(const char *folder, const char *data, bool code, leat_err *e)
{
    struct stat st;
    restricted = true;
    no_code = !code;
    own = data;
    root[0] = 0;
    if (!folder) return LEAT_OK;
    if (realpath(folder, root) && stat(root, &st) == 0 && S_ISDIR(st.st_mode)) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "config.files", folder,
                     "--files-root must name a folder that is there");
}

/* Where a path leads; of a file that is not there yet, its folder. False: nobody knows, as with a
 * link to what is not there, where a new file would land. */
static bool real(const char *path, leat_arena *a, char out[PATH_MAX])
{
    if (realpath(path, out)) return true;
    const char *slash = strrchr(path, '/');
    struct stat st;
    if (errno != ENOENT || strcmp(slash ? slash + 1 : path, "..") == 0) return false;
    if (lstat(path, &st) == 0) return false;
    const char *folder = !slash ? "."
                         : slash == path
                             ? "/"
                             : leat_arena_str(a, (leat_str){path, (size_t)(slash - path)}).s;
    return realpath(folder, out) != NULL;
}

/* at is the folder, or below it; both are real paths. */
static bool below(const char *at, const char *folder)
{
    size_t len = strlen(folder);
    if (strcmp(folder, "/") == 0) return true;
    return strncmp(at, folder, len) == 0 && (at[len] == '/' || at[len] == 0);
}

const char *leat_files_wrong(const char *path, leat_arena *a)
{
    char at[PATH_MAX];
    char data[PATH_MAX];
    if (!restricted || *path == 0) return NULL;
    if (*root == 0)
        return "names a file of the hub's machine, which needs 'leat serve --files-root DIR'";
    if (!real(path, a, at) || !below(at, root))
        return leat_arena_printf(a, "must name a file below %s (--files-root of the hub)", root);
    if (!own || !realpath(own, data) || !below(at, data) || below(root, data)) return NULL;
    return "names a file of the hub's data folder, which is the hub's alone; put it elsewhere below "
           "--files-root";
}

const char *leat_files_code_wrong(void)
{
    return no_code ? "names a program that is run, which needs 'leat serve --allow-code'" : NULL;
}
