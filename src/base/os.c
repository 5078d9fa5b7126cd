/* Files: the real table, and what is built on the table in force.
 *
 * Each real call repeats itself when interrupted and gives -errno. Descriptors are always
 * close-on-exec. LEAT_O_LOCK is flock(2): it belongs to the open file, so that two opens exclude
 * each other within a process too, and it ends with it. Thread-safe; a replaced table is the
 * calling thread's alone. What needs a real descriptor is in os_wait.c. */
#include "base/os.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define AGAIN_IF_INTERRUPTED(result, call)                                                         \
    while (((result) = (call)) < 0 && errno == EINTR) continue

static int real_same(int fd, const char *path)
{
    struct stat mine, there;
    if (fstat(fd, &mine) < 0 || stat(path, &there) < 0) return -errno;
    return mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* The lock, and that path still names this file: who removed it while we waited for it has left us
 * a lock on nothing. */
static int lock_file(int fd, const char *path)
{
    int rc;
    AGAIN_IF_INTERRUPTED(rc, flock(fd, LOCK_EX | LOCK_NB));
    if (rc < 0) return -errno;
    rc = real_same(fd, path);
    if (rc < 0 && rc != -ENOENT) return rc;
    return rc == 1 ? 0 : -EWOULDBLOCK;
}

static int real_open(const char *path, int flags, unsigned mode)
{
    int fd, o = O_CLOEXEC;
    if (flags & LEAT_O_WRITE)
        o |= flags & LEAT_O_READ ? O_RDWR : O_WRONLY;
    else
        o |= O_RDONLY;
    if (flags & LEAT_O_CREATE) o |= O_CREAT;
    if (flags & LEAT_O_EXCL) o |= O_EXCL;
    AGAIN_IF_INTERRUPTED(fd, open(path, o, (mode_t)mode));
    if (fd < 0) return -errno;
    int rc = flags & LEAT_O_LOCK ? lock_file(fd, path) : 0;
    if (rc == 0) return fd;
    close(fd);
    return rc;
}

/* Linux has freed the descriptor even where close says EINTR. */
static int real_close(int fd)
{
    if (fd < 0 || close(fd) == 0 || errno == EINTR) return 0;
    return -errno;
}

static int64_t real_pread(int fd, void *p, size_t n, int64_t at)
{
    ssize_t got;
    AGAIN_IF_INTERRUPTED(got, pread(fd, p, n, (off_t)at));
    return got < 0 ? -errno : got;
}

static int64_t real_pwrite(int fd, const void *p, size_t n, int64_t at)
{
    ssize_t put;
    AGAIN_IF_INTERRUPTED(put, pwrite(fd, p, n, (off_t)at));
    return put < 0 ? -errno : put;
}

static int real_datasync(int fd)
{
    int rc;
    AGAIN_IF_INTERRUPTED(rc, fdatasync(fd));
    return rc < 0 ? -errno : 0;
}

static int real_truncate(int fd, int64_t size)
{
    int rc;
    AGAIN_IF_INTERRUPTED(rc, ftruncate(fd, (off_t)size));
    return rc < 0 ? -errno : 0;
}

static int64_t real_size(int fd)
{
    struct stat st;
    return fstat(fd, &st) < 0 ? -errno : st.st_size;
}

static int real_allocate(int fd, int64_t size)
{
    int rc;
    if (size <= 0) return size < 0 ? -EINVAL : 0;
    AGAIN_IF_INTERRUPTED(rc, fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size));
    return rc < 0 ? -errno : 0;
}

static int real_unlink(const char *path)
{
    return unlink(path) < 0 ? -errno : 0;
}

static int real_rmdir(const char *path)
{
    return rmdir(path) < 0 ? -errno : 0;
}

static int real_rename(const char *from, const char *to)
{
    return rename(from, to) < 0 ? -errno : 0;
}

static int real_link(const char *from, const char *to)
{
    return link(from, to) < 0 ? -errno : 0;
}

static int real_mkdir(const char *path, unsigned mode)
{
    struct stat st;
    if (mkdir(path, (mode_t)mode) == 0) return 0;
    if (errno != EEXIST) return -errno;
    if (stat(path, &st) < 0) return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int real_sync_dir(const char *path)
{
    int fd, rc;
    AGAIN_IF_INTERRUPTED(fd, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0) return -errno;
    AGAIN_IF_INTERRUPTED(rc, fsync(fd));
    rc = rc < 0 && errno != EINVAL ? -errno : 0; /* EINVAL: this file system syncs them itself */
    close(fd);
    return rc;
}

static int real_list(const char *path, bool (*fn)(void *arg, const char *name), void *arg)
{
    int fd;
    AGAIN_IF_INTERRUPTED(fd, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0) return -errno;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    int rc = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            rc = -errno;
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (!fn(arg, name)) break;
    }
    closedir(dir);
    return rc;
}

static int64_t real_room(const char *path, int64_t *total)
{
    struct statvfs v;
    int rc;
    AGAIN_IF_INTERRUPTED(rc, statvfs(path, &v));
    if (rc < 0) return -errno;
    *total = (int64_t)(v.f_blocks * v.f_frsize);
    return (int64_t)(v.f_bavail * v.f_frsize);
}

static const leat_os real = {
    .open = real_open,
    .close = real_close,
    .pread = real_pread,
    .pwrite = real_pwrite,
    .datasync = real_datasync,
    .truncate = real_truncate,
    .size = real_size,
    .same = real_same,
    .allocate = real_allocate,
    .unlink = real_unlink,
    .rmdir = real_rmdir,
    .rename = real_rename,
    .link = real_link,
    .mkdir = real_mkdir,
    .sync_dir = real_sync_dir,
    .list = real_list,
    .room = real_room,
};

static _Thread_local const leat_os *replaced;

void leat_os_use(const leat_os *os)
{
    replaced = os;
}

const leat_os *leat_os_now(void)
{
    return replaced ? replaced : &real;
}

int64_t leat_os_read_all(int fd, void *p, size_t n, int64_t at)
{
    const leat_os *os = leat_os_now();
    size_t done = 0;
    while (done < n) {
        int64_t got = os->pread(fd, (char *)p + done, n - done, at + (int64_t)done);
        if (got < 0) return got;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

int leat_os_write_all(int fd, const void *p, size_t n, int64_t at)
{
    const leat_os *os = leat_os_now();
    size_t done = 0;
    while (done < n) {
        int64_t put = os->pwrite(fd, (const char *)p + done, n - done, at + (int64_t)done);
        if (put < 0) return (int)put;
        if (put == 0) return -EIO;
        done += (size_t)put;
    }
    return 0;
}

/* Asks for a little more than the size says: files of /proc have none, others grow. */
static int load(const leat_os *os, int fd, leat_buf *out, size_t max)
{
    int64_t size = os->size(fd);
    if (size < 0) return (int)size;
    if ((uint64_t)size > max) return -EFBIG;
    size_t before = out->len, want = (size_t)size + 1;
    for (;;) {
        char *room = leat_buf_room(out, want);
        int64_t got = leat_os_read_all(fd, room, want, (int64_t)(out->len - before));
        if (got < 0) return (int)got;
        out->len += (size_t)got;
        if (out->len - before > max) return -EFBIG;
        if ((size_t)got < want) return 0;
        want = 4096;
    }
}

int leat_os_load(const char *path, leat_buf *out, size_t max)
{
    const leat_os *os = leat_os_now();
    int fd = os->open(path, LEAT_O_READ, 0);
    if (fd < 0) return fd;
    size_t before = out->len;
    int rc = load(os, fd, out, max);
    if (rc < 0) out->len = before;
    os->close(fd);
    return rc;
}

/* The folder that holds path, "." if it names none; the caller frees it. */
static char *parent_of(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    while (n > 0 && path[n - 1] != '/') n--;
    while (n > 1 && path[n - 1] == '/') n--;
    if (n == 0) return leat_strdup(".");
    char *parent = leat_alloc(n + 1);
    memcpy(parent, path, n);
    parent[n] = '\0';
    return parent;
}

static int store(const leat_os *os, const char *temporary, leat_str content, unsigned mode)
{
    int rc = os->unlink(temporary);
    if (rc < 0 && rc != -ENOENT) return rc;
    int fd = os->open(temporary, LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_EXCL, mode);
    if (fd < 0) return fd;
    rc = leat_os_write_all(fd, content.s, content.len, 0);
    if (rc == 0) rc = os->datasync(fd);
    int closed = os->close(fd);
    if (rc == 0) rc = closed;
    if (rc < 0) os->unlink(temporary);
    return rc;
}

int leat_os_store(const char *path, leat_str content, unsigned mode)
{
    const leat_os *os = leat_os_now();
    leat_buf temporary = {0};
    leat_buf_str_z(&temporary, path);
    leat_buf_put(&temporary, ".tmp", sizeof(".tmp"));
    int rc = store(os, temporary.p, content, mode);
    if (rc == 0) {
        rc = -LEAT_FAULT(file_rename);
        if (rc == 0) rc = os->rename(temporary.p, path);
        if (rc < 0) os->unlink(temporary.p);
    }
    leat_buf_free(&temporary);
    if (rc < 0) return rc;
    char *parent = parent_of(path);
    rc = os->sync_dir(parent);
    leat_free(parent);
    return rc;
}

int leat_os_lock(const char *path, int flags, int64_t us)
{
    enum { STEP_US = 1000 };
    for (;; us -= STEP_US) {
        int fd = leat_os_now()->open(path, flags | LEAT_O_LOCK, 0600);
        if (fd != -EWOULDBLOCK || us <= 0) return fd;
        leat_sleep_us(STEP_US);
    }
}

static bool seen_one(void *arg, const char *name)
{
    (void)name;
    *(bool *)arg = true;
    return false;
}

/* From the deepest folder that is there on. Is that one empty, who made it may have died before it
 * was durable; is there something in it, it was, since nothing is put into a folder before. One
 * that may not be read is of somebody else, who made it durable. */
static int mkdirs(const leat_os *os, const char *path, unsigned mode)
{
    bool used = false;
    int rc = os->list(path, seen_one, &used);
    if (used || rc == -EACCES) return 0;
    if (rc < 0 && rc != -ENOENT) return rc;
    char *parent = parent_of(path);
    if (rc == -ENOENT) {
        rc = strcmp(parent, path) == 0 ? 0 : mkdirs(os, parent, mode);
        if (rc == 0) rc = os->mkdir(path, mode);
    }
    if (rc == 0) {
        rc = os->sync_dir(parent);
        if (rc == -EACCES) rc = 0;
    }
    leat_free(parent);
    return rc;
}

typedef struct listing {
    leat_arena *a;
    leat_arena_list names;
} listing;

static bool list_one(void *arg, const char *name)
{
    listing *l = arg;
    leat_arena_list_add(&l->names, l->a, name);
    return true;
}

int leat_os_names(const char *path, leat_arena *a, const char ***out, size_t *n)
{
    listing l = {.a = a};
    int rc = leat_os_now()->list(path, list_one, &l);
    *out = l.names.v;
    *n = l.names.n;
    return rc;
}

leat_rc leat_os_remove_folder(const char *folder, leat_arena *a, leat_err *e)
{
    const leat_os *os = leat_os_now();
    const char **names;
    size_t n;
    int rc = leat_os_names(folder, a, &names, &n);
    if (rc == -ENOENT) return LEAT_OK;
    if (rc < 0) return leat_os_fail(e, rc, "list", folder);
    for (size_t i = 0; i < n; i++) {
        char *path = leat_arena_printf(a, "%s/%s", folder, names[i]);
        rc = os->unlink(path);
        if (rc < 0 && rc != -ENOENT) return leat_os_fail(e, rc, "remove", path);
    }
    rc = os->rmdir(folder);
    return rc < 0 ? leat_os_fail(e, rc, "remove the folder", folder) : LEAT_OK;
}

int leat_os_mkdirs(const char *path, unsigned mode)
{
    return path[0] ? mkdirs(leat_os_now(), path, mode) : -ENOENT;
}
