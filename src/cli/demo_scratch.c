/* The demo's scratch folder, and the user its server runs as.
 *
 *   leat-demo-XXXXXX/         ours; mode 711 when the server is another user
 *     *.log                   what initdb, the server and the connector say
 *     data/                   leat's data folder (unless --data names one)
 *     pg/                     the server's own, mode 700: its socket, and
 *       data/                 its database
 *
 * A Unix socket's path has 107 bytes at most, so a long TMPDIR is passed over. PostgreSQL refuses
 * to run as root: then it gets the folder pg and its user's rights. That part is also removed with
 * these rights, so that nothing put there can lead us elsewhere. Run by the command and the keeper;
 * nothing here waits. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "cli/demo.h"

#define SERVER_SOCKET "/pg/.s.PGSQL.5432"
enum { SOCKET_PATH_MAX = 107, ROUNDS = 5 };

leat_rc leat_demo_user(leat_demo_lab *lab, leat_err *e)
{
    static const char *const names[] = {"postgres", "nobody"};
    lab->other_user = geteuid() == 0;
    if (!lab->other_user) return LEAT_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct passwd *user = getpwnam(names[i]);
        if (!user || user->pw_uid == 0) continue;
        lab->uid = user->pw_uid;
        lab->gid = user->pw_gid;
        return LEAT_OK;
    }
    return leat_fail(e, LEAT_CONF, "demo.no_user", "postgres",
                     "PostgreSQL does not run as root, and there is neither a user postgres nor "
                     "nobody to run it as; run the demo as an ordinary user");
}

bool leat_demo_become(const leat_demo_lab *lab)
{
    if (!lab->other_user) return true;
    return setgroups(1, &lab->gid) == 0 && setgid(lab->gid) == 0 && setuid(lab->uid) == 0;
}

/* Runs fn in a child with the server's rights. */
static bool as_server(const leat_demo_lab *lab, bool (*fn)(const char *path), const char *path)
{
    if (!lab->other_user) return fn(path);
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(leat_demo_become(lab) && fn(path) ? 0 : 1);
    if (pid < 0) return false;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- making ---- */

static bool reachable(const char *path)
{
    return chdir(path) == 0 && access(path, W_OK | X_OK) == 0;
}

/* The folder for the server, inside. NULL, or what is wrong. */
static const char *make_inside(leat_demo_lab *lab, leat_arena *a)
{
    lab->socket = leat_arena_printf(a, "%s/pg", lab->scratch);
    if (lab->other_user && chmod(lab->scratch, 0711) < 0) return leat_os_strerror(errno);
    if (mkdir(lab->socket, 0700) < 0) return leat_os_strerror(errno);
    if (!lab->other_user) return NULL;
    if (chown(lab->socket, lab->uid, lab->gid) < 0) return leat_os_strerror(errno);
    return as_server(lab, reachable, lab->socket) ? NULL : "the server's user cannot get there";
}

/* Tries below one folder. NULL, or what is wrong. */
static const char *make_below(leat_demo_lab *lab, const char *below, leat_arena *a)
{
    char *path = leat_arena_printf(a, "%s/leat-demo-XXXXXX", below);
    if (*below != '/') return "it is no absolute path";
    if (strlen(path) + strlen(SERVER_SOCKET) > SOCKET_PATH_MAX)
        return "its path is too long for a Unix socket";
    if (!mkdtemp(path)) return leat_os_strerror(errno);
    lab->scratch = path;
    const char *wrong = make_inside(lab, a);
    if (!wrong) return NULL;
    wrong = leat_arena_strdup(a, wrong);
    leat_demo_scratch_remove(lab);
    lab->scratch = NULL;
    return wrong;
}

leat_rc leat_demo_scratch_make(leat_demo_lab *lab, leat_arena *a, leat_err *e)
{
    const char *folders[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};
    leat_buf tried = {0};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!folders[i] || !*folders[i]) continue;
        const char *wrong = make_below(lab, folders[i], a);
        if (!wrong) {
            leat_buf_free(&tried);
            return LEAT_OK;
        }
        leat_buf_printf(&tried, "%s%s: %s", tried.len ? "; " : "", folders[i], wrong);
    }
    leat_fail(e, LEAT_CONF, "demo.scratch", "TMPDIR",
              "no folder for the demo's scratch data (" LEAT_STR_FMT
              "); set TMPDIR to one that has a short path and can be written",
              LEAT_STR_ARG(leat_buf_str(&tried)));
    leat_buf_free(&tried);
    return LEAT_CONF;
}

/* ---- removing ---- */

/* A folder being emptied. */
typedef struct emptying {
    const char *path;
    unsigned left; /* entries that could not be removed */
} emptying;

static bool remove_entry(void *arg, const char *name);

/* A link in it is removed, not followed. Somebody may still be writing: several rounds. */
static void empty(const char *path)
{
    for (int i = 0; i < ROUNDS; i++) {
        emptying at = {.path = path};
        if (leat_os_now()->list(path, remove_entry, &at) < 0 || at.left == 0) return;
    }
}

static bool remove_entry(void *arg, const char *name)
{
    emptying *at = arg;
    leat_arena a;
    leat_arena_init(&a, 0);
    char *path = leat_arena_printf(&a, "%s/%s", at->path, name);
    int rc = leat_os_now()->unlink(path);
    if (rc == -EISDIR || rc == -EPERM) {
        empty(path);
        rc = rmdir(path) < 0 ? -errno : 0;
    }
    if (rc < 0 && rc != -ENOENT) at->left++;
    leat_arena_free(&a);
    return true;
}

static bool empty_server(const char *path)
{
    empty(path);
    return true;
}

bool leat_demo_scratch_remove(const leat_demo_lab *lab)
{
    if (lab->socket) as_server(lab, empty_server, lab->socket);
    empty(lab->scratch);
    return rmdir(lab->scratch) == 0 || errno == ENOENT;
}
