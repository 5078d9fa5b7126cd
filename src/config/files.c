/* The one folder, as its real path. Any thread. */
#include "config/files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/os.h"

static bool restricted, no_code;
static char root[PATH_MAX]; /* empty: no file may be named */

leat_rc leat_files_restrict(const char *folder, bool code, leat_err *e)
{
    struct stat st;
    restricted = true;
    no_code = !code;
    root[0] = 0;
    if (!folder) return LEAT_OK;
    if (realpath(folder, root) && stat(root, &st) == 0 && S_ISDIR(st.st_mode)) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "config.files", folder,
                     "--files-root must name a folder that is there");
}

/* Where a path leads; of a file that is not there yet, its folder. */
static bool real(const char *path, leat_arena *a, char out[PATH_MAX])
{
    if (realpath(path, out)) return true;
    const char *slash = strrchr(path, '/');
    if (errno != ENOENT || strcmp(slash ? slash + 1 : path, "..") == 0) return false;
    const char *folder = !slash ? "."
                         : slash == path
                             ? "/"
                             : leat_arena_str(a, (leat_str){path, (size_t)(slash - path)}).s;
    return realpath(folder, out) != NULL;
}

const char *leat_files_wrong(const char *path, leat_arena *a)
{
    char at[PATH_MAX];
    size_t len = strlen(root);
    if (!restricted || *path == 0) return NULL;
    if (len == 0)
        return "names a file of the hub's machine, which needs 'leat serve --files-root DIR'";
    bool below = real(path, a, at) && strncmp(at, root, len) == 0 &&
                 (at[len] == '/' || at[len] == 0 || strcmp(root, "/") == 0);
    if (below) return NULL;
    return leat_arena_printf(a, "must name a file below %s (--files-root of the hub)", root);
}

const char *leat_files_code_wrong(void)
{
    return no_code ? "names a program that is run, which needs 'leat serve --allow-code'" : NULL;
}
