/* Files: every call that can fail, in one place, behind a table that a test can replace.
 *
 * All return 0 (or a count, or a descriptor) on success and -errno on failure; interrupted calls
 * are repeated inside. What needs a real file descriptor (sockets, mmap, processes) is in
 * base/os.h's second half and is not virtual: the simulator does without. */
#ifndef LEAT_BASE_OS_H
#define LEAT_BASE_OS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    LEAT_O_READ = 1,
    LEAT_O_WRITE = 2,
    LEAT_O_CREATE = 4, /* make it if missing */
    LEAT_O_EXCL = 8,   /* with CREATE: -EEXIST if it is there */
    LEAT_O_LOCK = 16,  /* exclusive lock for as long as it is open: -EWOULDBLOCK if another open has
                        * it, in this process or elsewhere */
};

typedef struct leat_os {
    /* >= 0: a handle for the calls below. */
    int (*open)(const char *path, int flags, unsigned mode);
    int (*close)(int fd); /* the handle is gone even when this fails; fd < 0 is ignored */
    int64_t (*pread)(int fd, void *p, size_t n, int64_t at);        /* bytes read; 0 at the end */
    int64_t (*pwrite)(int fd, const void *p, size_t n, int64_t at); /* may be short */
    int (*datasync)(int fd);
    int (*truncate)(int fd, int64_t size);
    int64_t (*size)(int fd);
    /* 1: the path names the file that fd has open, 0: another one. A file that is open shares its
     * identity with none that is made meanwhile. */
    int (*same)(int fd, const char *path);
    /* Reserves blocks up to size: -ENOSPC now rather than later. What size() says stays;
     * -EOPNOTSUPP where the file system cannot. */
    int (*allocate)(int fd, int64_t size);
    int (*unlink)(const char *path);
    int (*rmdir)(const char *path); /* -ENOTEMPTY unless nothing is in it */
    int (*rename)(const char *from, const char *to);
    /* A second name of a file: -EEXIST if it is taken; a file system may have none, or a limit. */
    int (*link)(const char *from, const char *to);
    int (*mkdir)(const char *path, unsigned mode); /* 0 too if it is there */
    int (*sync_dir)(const char *path);             /* makes entries of the folder durable */
    /* Names in the folder but . and .., in no order; each goes to fn until that returns false. */
    int (*list)(const char *path, bool (*fn)(void *arg, const char *name), void *arg);
    /* Bytes that may still be written to the file system of a path, and its size. */
    int64_t (*room)(const char *path, int64_t *total);
} leat_os;

/* Replaces the table for the calling thread; NULL brings the real one back. */
void leat_os_use(const leat_os *os);
const leat_os *leat_os_now(void);

/* Whole of it or an error: loops over short reads and writes. leat_os_read_all gives the bytes
 * read, less than n only at the end of the file. */
int64_t leat_os_read_all(int fd, void *p, size_t n, int64_t at);
int leat_os_write_all(int fd, const void *p, size_t n, int64_t at);
/* Appends the file's content to out, at most max bytes, else -EFBIG; out is as before on failure.
 */
int leat_os_load(const char *path, leat_buf *out, size_t max);
/* Replaces the file's content so that a crash leaves the old or the new: temporary name, sync,
 * rename, sync of the folder. */
int leat_os_store(const char *path, leat_str content, unsigned mode);
/* Opens with LEAT_O_LOCK; while another has the lock, tries again for us microseconds, then
 * -EWOULDBLOCK. */
int leat_os_lock(const char *path, int flags, int64_t us);
/* Each missing part of the path; what was made is durable (its parent is synced), also if a process
 * made it that died then. Nothing is put into a folder before this has returned: one that is not
 * empty costs no sync. */
int leat_os_mkdirs(const char *path, unsigned mode);
/* The names in a folder, *n of them in no order, in a. 0 or -errno. */
int leat_os_names(const char *path, leat_arena *a, const char ***out, size_t *n);

/* Processor time of this process in microseconds. Not virtual. */
int64_t leat_os_cpu_us(void);
/* Resident memory of this process in bytes; 0: unknown. Not virtual. */
size_t leat_os_resident(void);
/* Its open descriptors; -1: unknown. Not virtual. */
int64_t leat_os_descriptors(void);
/* Stands for the program in a file: another file, or another content of it, gives another number;
 * 0: there is none. NULL: the program that this process runs. Not virtual. */
uint64_t leat_os_program(const char *path);
/* No other process of the user may look into this one's memory or environment, and it leaves no
 * core (LEAT_DUMPABLE=1 in the environment: as usual, for debuggers). Children begin without it. */
void leat_os_conceal(void);

/* "no space left on device (ENOSPC)" of -28 or 28, in a thread-local buffer. */
const char *leat_os_strerror(int err);

/* leat_fail for a system call: rc RETRY for ENOSPC, EDQUOT, EAGAIN, EIO, EMFILE and the like, else
 * CONF; the code is "os.enospc" and so on; path stands in where; doing says what was tried ("open",
 * "write 4096 bytes at 8192 to"). */
leat_rc leat_os_fail(leat_err *e, int err, const char *doing, const char *path);

/* The files of a folder, then the folder; one that is not there is no error. Paths are in a. */
leat_rc leat_os_remove_folder(const char *folder, leat_arena *a, leat_err *e);

/* ---- not virtual ---- */

/* Waits until fd is readable (or writable) or broken (the next call on it tells), at most ms (-1:
 * for ever): 1 ready, 0 time-out, -errno. */
int leat_os_wait_fd(int fd, bool writing, int ms);
/* The shortest round trip of a TCP connection lately, in microseconds (TCP_INFO); -errno, or
 * -EOPNOTSUPP for other sockets. */
int64_t leat_os_round_trip_us(int fd);
/* Holds a TCP socket's receive buffer at so many bytes (SO_RCVBUF; the kernel doubles them); 0: it
 * is the kernel's again, and grows with the need (SO_BUF_LOCK, Linux 5.14). 0, or -errno. */
int leat_os_receive_buffer(int fd, int bytes);
/* A process with this pid that began at this time (field 22 of /proc/PID/stat; 0 = any) lives; a
 * zombie does not. */
bool leat_os_alive(int pid, uint64_t start);
/* That field for a pid, 0 if there is no such process. */
uint64_t leat_os_start_of(int pid);
/* The calling thread steps back behind all others: nice 19 and the last place in the disk's queue
 * of what is not idle. (The idle class can wait for ever, with a lock of the file system in hand
 * that others need.) What the system refuses is left out. */
void leat_os_background(void);
/* Runs a command by the shell, with nothing on its standard input, and waits until it has ended and
 * its output is closed; after ms it is ended, with all that it started: by SIGTERM, and if it is
 * still there five seconds later, killed. out: what it wrote, of max bytes at most, else -EFBIG;
 * err: the beginning of what it complained about. Its exit status (128 and the signal that ended
 * it), or -errno (-ETIMEDOUT). */
int leat_os_run(const char *command, int64_t ms, size_t max, leat_buf *out, leat_buf *err);

/* A program by its path, for leat_os_run_program. */
typedef struct leat_os_program_call {
    const char *path;
    char *const *argv; /* NULL-ended, with its name first */
    leat_str input;    /* what stands on its standard input */
    bool bare;         /* it gets nothing of our environment */
    /* NULL, or called at least every second with what came, which it may take out; false: the
     * program is ended (-ECANCELED). */
    bool (*heard)(void *arg, leat_buf *out);
    void *arg; /* of heard */
} leat_os_program_call;
/* The same with a program. */
int leat_os_run_program(const leat_os_program_call *call, int64_t ms, size_t max, leat_buf *out,
                        leat_buf *err);
/* Futex on a word in a shared mapping: waits while *word == seen, at most us (< 0: for ever), and
 * may return early; wakes all waiters. */
void leat_os_futex_wait(const _Atomic uint32_t *word, uint32_t seen, int64_t us);
void leat_os_futex_wake(_Atomic uint32_t *word);

/* Tells the service manager, if one started us (NOTIFY_SOCKET): "READY=1", "STOPPING=1". */
void leat_os_service_tell(const char *state);
/* The one listening socket that it handed over (LISTEN_FDS), which is forgotten then; -ENOENT:
 * none, -E2BIG: several, -EINVAL: it does not listen. */
int leat_os_service_socket(void);
/* Leaves a listening socket to the program that this process becomes by exec, as a service manager
 * would: it becomes descriptor 3. 0 or -errno. */
int leat_os_service_leave(int fd);

/* A Unix stream socket at folder/name, whatever the length of the path (sun_path has 108 bytes): a
 * listening one of mode 0600 that replaces what a dead process left there, or one connected to it
 * (-ETIMEDOUT: nobody took the connection within ms). The descriptor, or -errno. */
int leat_os_unix_listen(const char *folder, const char *name, int backlog);
int leat_os_unix_connect(const char *folder, const char *name, int ms);

#endif
