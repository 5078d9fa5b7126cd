/* The demo's private PostgreSQL: finding its programs, starting them.
 *
 * No shell and no pg_ctl: initdb and postgres are executed directly, as the server's user, with a
 * clean locale and none of the user's PG* variables (the keeper drops those). The server listens on
 * nothing but a Unix socket in a folder that only its user and root can enter, so it takes no port
 * and trusts who gets there. It dies with the process that started it. Run by the keeper, but for
 * the search, which the command makes. */
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "cli/demo.h"

#define DEBIAN "/usr/lib/postgresql"
enum { OLDEST = 13 }; /* gen_random_uuid without an extension */

/* ---- the search ---- */

static bool complete(const char *bin, leat_arena *a)
{
    return access(leat_arena_printf(a, "%s/initdb", bin), X_OK) == 0 &&
           access(leat_arena_printf(a, "%s/postgres", bin), X_OK) == 0;
}

typedef struct newest {
    leat_arena *a;
    int64_t version;
    const char *bin;
} newest;

static bool look_at(void *arg, const char *name)
{
    newest *found = arg;
    int64_t version;
    if (!leat_str_i64(leat_str_of(name), &version) || version <= found->version) return true;
    const char *bin = leat_arena_printf(found->a, DEBIAN "/%s/bin", name);
    if (version < OLDEST || !complete(bin, found->a)) return true;
    found->version = version;
    found->bin = bin;
    return true;
}

/* What pg_config says; NULL if there is none. */
static const char *ask_pg_config(leat_arena *a)
{
    int ends[2];
    char text[512];
    if (pipe2(ends, O_CLOEXEC) < 0) return NULL;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execlp("pg_config", "pg_config", "--bindir", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n = 0;
    while (pid > 0 && len < sizeof text && (n = read(ends[0], text + len, sizeof text - len)) != 0)
        if (n > 0)
            len += (size_t)n;
        else if (errno != EINTR)
            break;
    close(ends[0]);
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    leat_str bin = leat_str_trim((leat_str){text, len});
    return status == 0 && bin.len > 0 ? leat_arena_str(a, bin).s : NULL;
}

static const char *search_path(leat_arena *a)
{
    leat_str rest = leat_str_of(getenv("PATH"));
    while (rest.s) {
        leat_str part = leat_str_cut(&rest, ':');
        const char *bin = leat_arena_str(a, part).s;
        if (part.len > 0 && complete(bin, a)) return bin;
    }
    return NULL;
}

leat_rc leat_demo_postgres_find(const char *given, leat_arena *a, const char **bin, leat_err *e)
{
    if (given) {
        *bin = given;
        if (complete(given, a)) return LEAT_OK;
        return leat_fail(e, LEAT_CONF, "demo.postgres_missing", given,
                         "there are no programs initdb and postgres in this folder; --postgres "
                         "names the one that holds them");
    }
    newest found = {.a = a};
    leat_os_now()->list(DEBIAN, look_at, &found);
    if (!found.bin) found.bin = ask_pg_config(a);
    if (!found.bin || !complete(found.bin, a)) found.bin = search_path(a);
    *bin = found.bin;
    if (found.bin) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "demo.postgres_missing", "",
                     "the demo needs PostgreSQL's server programs, initdb and postgres (%d or "
                     "newer), and they are neither in " DEBIAN "/*/bin, nor where pg_config "
                     "--bindir says, nor in PATH. On Debian and Ubuntu: sudo apt-get install "
                     "postgresql. Elsewhere, --postgres DIR names their folder",
                     OLDEST);
}

/* ---- starting ---- */

const char *leat_demo_log(const leat_demo_lab *lab, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s.log", lab->scratch, name);
    return out;
}

bool leat_demo_log_use(const leat_demo_lab *lab, const char *name)
{
    char path[256];
    int fd =
        leat_os_now()->open(leat_demo_log(lab, name, path), LEAT_O_WRITE | LEAT_O_CREATE, 0600);
    if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0) return false;
    bool done = dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0;
    leat_os_now()->close(fd);
    return done;
}

void leat_demo_log_tail(const leat_demo_lab *lab, const char *name, char *out, size_t size)
{
    char path[256];
    *out = 0;
    int fd = leat_os_now()->open(leat_demo_log(lab, name, path), LEAT_O_READ, 0);
    if (fd < 0) return;
    int64_t all = leat_os_now()->size(fd), room = (int64_t)size - 1;
    int64_t from = all > room ? all - room : 0;
    int64_t n = leat_os_read_all(fd, out, size - 1, from);
    leat_os_now()->close(fd);
    out[n > 0 ? n : 0] = 0;
    char *line = from > 0 ? strchr(out, '\n') : NULL;
    if (line) memmove(out, line + 1, strlen(line));
}

/* In the child, up to exec. death: the signal it gets when the keeper dies. */
static _Noreturn void become(const leat_demo_lab *lab, char *const *argv, int death, pid_t keeper)
{
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    int in = leat_os_now()->open("/dev/null", LEAT_O_READ, 0);
    bool ready = in >= 0 && dup2(in, STDIN_FILENO) >= 0 && leat_demo_log_use(lab, "postgres") &&
                 leat_demo_become(lab) && chdir(lab->socket) == 0 && setenv("LC_ALL", "C", 1) == 0;
    /* After the change of user, which clears it. */
    prctl(PR_SET_PDEATHSIG, death);
    if (!ready || getppid() != keeper) _exit(127);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(argv[0], argv);
    fprintf(stderr, "cannot execute %s: %s\n", argv[0], leat_os_strerror(errno));
    _exit(127);
}

static pid_t start(const leat_demo_lab *lab, const char *program, const char *const *args,
                   int death)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    size_t n = 0;
    while (args[n]) n++;
    char **argv = LEAT_NEW(&a, char *, n + 2);
    argv[0] = leat_arena_printf(&a, "%s/%s", lab->bin, program);
    for (size_t i = 0; i < n; i++) argv[i + 1] = leat_arena_strdup(&a, args[i]);
    pid_t keeper = getpid(), pid = fork();
    if (pid == 0) become(lab, argv, death, keeper);
    pid_t out = pid < 0 ? -errno : pid;
    leat_arena_free(&a);
    return out;
}

pid_t leat_demo_initdb_start(const leat_demo_lab *lab)
{
    static const char *const args[] = {
        "-D",    "data", "-U",   "postgres",    "-A",
        "trust", "-E",   "UTF8", "--no-locale", "--no-sync", /* the copy; the server itself syncs */
        NULL,
    };
    return start(lab, "initdb", args, SIGKILL);
}

pid_t leat_demo_server_start(const leat_demo_lab *lab)
{
    const char *const args[] = {
        "-D", "data",
        "-k", lab->socket,
        "-c", "listen_addresses=",
        "-c", "unix_socket_permissions=0700",
        "-c", "port=5432",
        "-c", "cluster_name=leat-demo",
        "-c", "wal_level=logical",
        "-c", "max_wal_senders=4",
        "-c", "max_replication_slots=4",
        "-c", "max_connections=20",
        "-c", "shared_buffers=16MB",
        "-c", "max_wal_size=128MB",
        "-c", "logging_collector=off",
        "-c", "log_destination=stderr",
        NULL,
    };
    return start(lab, "postgres", args, SIGQUIT);
}

bool leat_demo_server_ready(const leat_demo_lab *lab)
{
    const char *const names[] = {"host", "port", "dbname", "user", "connect_timeout", NULL};
    const char *const values[] = {lab->socket, "5432", "postgres", "postgres", "5", NULL};
    return PQpingParams(names, values, 0) == PQPING_OK;
}
