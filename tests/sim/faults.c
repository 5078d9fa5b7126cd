/* The disk as the process sees it: each call is a step, and may go wrong as the life has it. */
#include <errno.h>

#include "sim.h"
#include "stream/frame.h"

static bool due(uint32_t *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

static bool ends_with(int fd, const char *suffix)
{
    const char *path = disk_path(the_sim->disk, fd);
    size_t n = strlen(path), len = strlen(suffix);
    return n > len && strcmp(path + n - len, suffix) == 0;
}

static bool is_segment(int fd)
{
    return ends_with(fd, ".seg");
}

/* Of the spool, while that has this bug. */
static bool spool_has(sim_plant plant, int fd)
{
    sim *s = the_sim;
    return s->plant == plant && is_segment(fd) && spooled_is_on(disk_path(s->disk, fd));
}

/* One call in a life may fail for no reason. */
static bool fails(void)
{
    if (!due(&the_sim->life.any_eio_in)) return false;
    sim_trace(ACT_FAULT, 5, 0);
    return the_sim->life.hurt = true;
}

static int process_open(const char *path, int flags, unsigned mode)
{
    if (sim_step(ACT_OPEN, flags, (int64_t)strlen(path))) return -EIO;
    if (fails()) return -EIO;
    return disk_os.open(path, flags, mode);
}

static int process_close(int fd)
{
    if (fd < 0) return 0;
    sim_step(ACT_CLOSE, fd, 0);
    return disk_os.close(fd);
}

static int64_t process_pread(int fd, void *p, size_t n, int64_t at)
{
    if (sim_step(ACT_PREAD, at, (int64_t)n)) return -EIO;
    if (fails()) return -EIO;
    return disk_os.pread(fd, p, n, at);
}

static int64_t part(int fd, const void *p, size_t n, int64_t at)
{
    size_t some = dice_below(&the_sim->dice, (uint32_t)n + 1);
    return some == 0 ? 0 : disk_os.pwrite(fd, p, some, at);
}

/* Planted: readers may go up to what was just written. */
static void move_mark(int fd, const char *p, size_t n, int64_t at)
{
    uint64_t segment, offset, frame;
    const char *path = disk_path(the_sim->disk, fd);
    leat_str digits = {path + strlen(path) - 24, 20};
    if (!leat_str_u64(digits, &segment)) return;
    if (!leat_page_mark(the_sim->page, &offset, &offset, &frame)) frame = 0;
    leat_frame f;
    size_t need;
    const char *why;
    for (leat_str rest = {p, n}; rest.len > 0;) {
        if (leat_frame_read(rest, &f, &need, &why) != LEAT_SEEN_FRAME) return;
        size_t size = (size_t)leat_frame_size(&f);
        rest = (leat_str){rest.s + size, rest.len - size};
    }
    if (f.number > frame) leat_page_set_mark(the_sim->page, segment, (uint64_t)at + n, f.number);
}

static int64_t process_pwrite(int fd, const void *p, size_t n, int64_t at)
{
    sim *s = the_sim;
    bool was_dead = s->dead;
    if (sim_step(ACT_PWRITE, at, (int64_t)n)) {
        if (!was_dead) part(fd, p, n, at); /* it dies in the middle of it */
        return -EIO;
    }
    if (due(&s->life.eio_in)) {
        s->life.hurt = true;
        part(fd, p, n, at);
        return -EIO;
    }
    if (n > 1 && dice_one_in(&s->dice, s->life.short_in)) {
        int64_t wrote = part(fd, p, n, at);
        if (s->plant == PLANT_SHORT_WRITE && wrote >= 0) return (int64_t)n;
        if (wrote > 0) return wrote;
    }
    int64_t wrote = disk_os.pwrite(fd, p, n, at);
    if (s->plant == PLANT_EARLY_MARK && wrote == (int64_t)n && is_segment(fd))
        move_mark(fd, p, n, at);
    return wrote;
}

static int process_datasync(int fd)
{
    sim *s = the_sim;
    if (sim_step(ACT_DATASYNC, fd, 0)) return -EIO;
    if (due(&s->life.bad_sync_in)) {
        cover(MEET_SYNC);
        s->life.hurt = true;
        disk_fail_sync(s->disk);
        int rc = disk_os.datasync(fd);
        return s->plant == PLANT_SYNC_AGAIN ? 0 : rc;
    }
    if (s->plant == PLANT_MERGE_UNSYNCED && ends_with(fd, ".merge")) return 0;
    bool lies = s->plant == PLANT_LYING_SYNC || s->edits.lying;
    if ((lies && is_segment(fd)) || spool_has(PLANT_SPOOL_UNSYNCED, fd)) disk_lie_sync(s->disk);
    return disk_os.datasync(fd);
}

static int process_truncate(int fd, int64_t size)
{
    if (sim_step(ACT_TRUNCATE, fd, size)) return -EIO;
    if (fails()) return -EIO;
    if (the_sim->plant == PLANT_KEPT_TAIL || spool_has(PLANT_SPOOL_TORN, fd)) return 0;
    return disk_os.truncate(fd, size);
}

static int64_t process_size(int fd)
{
    if (sim_step(ACT_SIZE, fd, 0)) return -EIO;
    if (fails()) return -EIO;
    return disk_os.size(fd);
}

static int process_same(int fd, const char *path)
{
    return disk_os.same(fd, path);
}

static int process_allocate(int fd, int64_t size)
{
    if (sim_step(ACT_ALLOCATE, fd, size)) return -EIO;
    if (the_sim->life.no_allocate) return -EOPNOTSUPP;
    if (fails()) return -EIO;
    return disk_os.allocate(fd, size);
}

static int process_unlink(const char *path)
{
    if (sim_step(ACT_UNLINK, (int64_t)strlen(path), 0)) return -EIO;
    if (fails()) return -EIO;
    return disk_os.unlink(keep_unlink(path));
}

static int process_rmdir(const char *path)
{
    if (sim_step(ACT_UNLINK, (int64_t)strlen(path), 1)) return -EIO;
    if (fails()) return -EIO;
    return disk_os.rmdir(path);
}

static int process_rename(const char *from, const char *to)
{
    if (sim_step(ACT_RENAME, (int64_t)strlen(from), (int64_t)strlen(to))) return -EIO;
    if (fails()) return -EIO;
    return disk_os.rename(from, to);
}

static int process_link(const char *from, const char *to)
{
    if (sim_step(ACT_LINK, (int64_t)strlen(from), (int64_t)strlen(to))) return -EIO;
    if (fails()) return -EIO;
    if (the_sim->life.no_allocate) return -EPERM; /* a file system that can do little */
    return disk_os.link(from, to);
}

static int process_mkdir(const char *path, unsigned mode)
{
    if (sim_step(ACT_MKDIR, (int64_t)strlen(path), 0)) return -EIO;
    if (fails()) return -EIO;
    return disk_os.mkdir(path, mode);
}

static int process_sync_dir(const char *path)
{
    if (sim_step(ACT_SYNC_DIR, (int64_t)strlen(path), 0)) return -EIO;
    if (fails()) return -EIO;
    keep_sync_dir();
    const char *name = strrchr(path, '/');
    bool claims = the_sim->plant == PLANT_CLAIM_UNSYNCED && name && strcmp(name, "/topics") == 0;
    if (the_sim->plant == PLANT_NO_SYNC_DIR || claims) disk_lie_sync_dir(the_sim->disk);
    return disk_os.sync_dir(path);
}

static int process_list(const char *path, bool (*fn)(void *arg, const char *name), void *arg)
{
    if (sim_step(ACT_LIST, (int64_t)strlen(path), 0)) return -EIO;
    if (fails()) return -EIO;
    return disk_os.list(path, fn, arg);
}

static int64_t process_room(const char *path, int64_t *total)
{
    if (sim_step(ACT_ROOM, (int64_t)strlen(path), 0)) return -EIO;
    if (fails()) return -EIO;
    return disk_os.room(path, total);
}

const leat_os sim_os = {
    .open = process_open,
    .close = process_close,
    .pread = process_pread,
    .pwrite = process_pwrite,
    .datasync = process_datasync,
    .truncate = process_truncate,
    .size = process_size,
    .same = process_same,
    .allocate = process_allocate,
    .unlink = process_unlink,
    .rmdir = process_rmdir,
    .rename = process_rename,
    .link = process_link,
    .mkdir = process_mkdir,
    .sync_dir = process_sync_dir,
    .list = process_list,
    .room = process_room,
};
