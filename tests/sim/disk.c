/* The disk in memory; see disk.h.
 *
 * A node is a file with two contents, the one that is read and the one that would survive, and a
 * state for each sector. Names are a list of path and node, twice as well, with a log of changes to
 * names between them. Nodes live as long as the disk. */
#include "disk.h"

#include <errno.h>

#include "base/arena.h"

enum { SECTOR = 64, HANDLES = 256 };

enum { CLEAN, DIRTY, LOST };

typedef struct content {
    char *p;
    int64_t size, cap;
} content;

typedef struct node {
    content now, synced;
    uint8_t *sectors; /* one for each of now.cap */
    int64_t allocated;
    bool folder, resized;
    int lock; /* handle + 1 that holds it */
    struct node *next;
} node;

typedef struct name {
    char *path;
    node *node;
} name;

typedef struct names {
    name *at;
    unsigned n, cap;
} names;

/* A change of names that no power cut has decided about. */
typedef struct change {
    char *path, *from; /* from: of a rename */
    node *node;        /* NULL: unlinked */
} change;

typedef struct handle {
    node *node; /* NULL: free */
    const char *path;
    int process, flags;
} handle;

struct disk {
    node *nodes;
    names now, synced;
    change *changes;
    unsigned nchanges, changes_cap;
    handle handles[HANDLES];
    int process;
    int64_t room;
    bool fail_sync, lie_sync, lie_sync_dir;
    leat_arena paths;
};

static disk *mounted;

/* ---- names ---- */

static unsigned find(const names *l, const char *path)
{
    for (unsigned i = 0; i < l->n; i++)
        if (strcmp(l->at[i].path, path) == 0) return i;
    return l->n;
}

static node *lookup(const names *l, const char *path)
{
    unsigned i = find(l, path);
    return i < l->n ? l->at[i].node : NULL;
}

/* NULL: removes it. */
static void bind(names *l, char *path, node *target)
{
    unsigned i = find(l, path);
    if (!target) {
        if (i < l->n) memmove(&l->at[i], &l->at[i + 1], (--l->n - i) * sizeof(name));
        return;
    }
    if (i == l->n) {
        if (l->n == l->cap) {
            l->cap = l->cap ? l->cap * 2 : 16;
            l->at = leat_realloc(l->at, l->cap * sizeof(name));
        }
        l->at[l->n++].path = path;
    }
    l->at[i].node = target;
}

static leat_str parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return (leat_str){path, slash ? (size_t)(slash - path) : 0};
}

static bool has_parent(const names *l, const char *path)
{
    leat_str parent = parent_of(path);
    if (parent.len == 0) return true;
    for (unsigned i = 0; i < l->n; i++)
        if (leat_str_is(parent, l->at[i].path)) return l->at[i].node->folder;
    return false;
}

static void apply(names *l, const change *c)
{
    if (c->from) bind(l, c->from, NULL);
    bind(l, c->path, c->node);
}

static void log_change(disk *d, const char *path, const char *from, node *target)
{
    if (d->nchanges == d->changes_cap) {
        d->changes_cap = d->changes_cap ? d->changes_cap * 2 : 16;
        d->changes = leat_realloc(d->changes, d->changes_cap * sizeof(change));
    }
    change *c = &d->changes[d->nchanges++];
    *c = (change){leat_arena_strdup(&d->paths, path),
                  from ? leat_arena_strdup(&d->paths, from) : NULL, target};
    apply(&d->now, c);
}

static node *new_node(disk *d, bool folder)
{
    node *n = leat_zalloc(1, sizeof *n);
    n->folder = folder;
    n->next = d->nodes;
    d->nodes = n;
    return n;
}

/* ---- contents ---- */

static void reserve(content *b, int64_t size)
{
    if (size <= b->cap) return;
    int64_t cap = b->cap ? b->cap : SECTOR * 4;
    while (cap < size) cap *= 2;
    b->p = leat_realloc(b->p, (size_t)cap);
    memset(b->p + b->cap, 0, (size_t)(cap - b->cap));
    b->cap = cap;
}

static void reserve_node(node *n, int64_t size)
{
    int64_t before = n->now.cap / SECTOR;
    reserve(&n->now, size);
    int64_t after = n->now.cap / SECTOR;
    if (after == before) return;
    n->sectors = leat_realloc(n->sectors, (size_t)after);
    memset(n->sectors + before, CLEAN, (size_t)(after - before));
    reserve(&n->synced, n->now.cap);
}

static void soil(node *n, int64_t from, int64_t to)
{
    for (int64_t s = from / SECTOR; s * SECTOR < to; s++) n->sectors[s] = DIRTY;
}

static void resize(node *n, int64_t size)
{
    reserve_node(n, size);
    if (size < n->now.size) { /* the tail of the last sector becomes zeros */
        memset(n->now.p + size, 0, (size_t)(n->now.size - size));
        soil(n, size, n->now.size);
    }
    n->now.size = size;
    n->resized = true;
}

/* Makes sector s of what survives like what is read, if that is what happens to it. */
static void settle(node *n, int64_t s)
{
    if (n->sectors[s] == DIRTY) {
        memcpy(n->synced.p + s * SECTOR, n->now.p + s * SECTOR, SECTOR);
        n->sectors[s] = CLEAN;
    }
}

static void sync_node(node *n)
{
    for (int64_t s = 0; s < n->now.cap / SECTOR; s++) settle(n, s);
    n->synced.size = n->now.size;
    n->resized = false;
}

/* Which length a file has after a power cut that was not synced after a change of length. */
static int64_t cut_size(const node *n, dicebox *dice)
{
    int64_t was = n->synced.size, is = n->now.size;
    if (!n->resized || was == is) return is;
    uint32_t chance = dice_below(dice, 4);
    if (chance < 2) return is;
    if (chance == 2 || is < was) return was;
    return was + dice_below(dice, (uint32_t)(is - was) + 1);
}

/* How a power cut treats what was not synced. */
typedef struct cut {
    uint32_t keep;     /* of 8 dirty atoms how many are written; 9: all up to one, none behind */
    int64_t atom;      /* bytes that are written together */
    const node *stale; /* its bytes fill what was never written; NULL: zeros do */
} cut;

static void fill_stale(node *n, const cut *c, int64_t from, int64_t to, dicebox *dice)
{
    int64_t size = c->stale ? c->stale->now.size : 0;
    if (size == 0 || c->stale == n || from < n->synced.size) return;
    int64_t at =
        dice_one_in(dice, 2) ? 0 : dice_below(dice, (uint32_t)(size / SECTOR) + 1) * SECTOR;
    int64_t some = size - at < to - from ? size - at : to - from;
    if (some > 0) memcpy(n->synced.p + from, c->stale->now.p + at, (size_t)some);
}

static void cut_atom(node *n, const cut *c, int64_t from, bool written, dicebox *dice)
{
    int64_t to = from + c->atom < n->now.cap ? from + c->atom : n->now.cap;
    bool dirty = false;
    for (int64_t s = from / SECTOR; s * SECTOR < to; s++) dirty |= n->sectors[s] != CLEAN;
    if (!dirty) return;
    if (!written) fill_stale(n, c, from, to, dice);
    for (int64_t s = from / SECTOR; s * SECTOR < to; s++) {
        if (written) settle(n, s);
        n->sectors[s] = CLEAN;
    }
    memcpy(n->now.p + from, n->synced.p + from, (size_t)(to - from));
}

static void cut_node(node *n, const cut *c, dicebox *dice)
{
    int64_t atoms = n->now.cap / c->atom + 1;
    int64_t up_to = dice_below(dice, (uint32_t)atoms + 1);
    int64_t size = cut_size(n, dice);
    for (int64_t i = 0; i * c->atom < n->now.cap; i++) {
        bool written = c->keep == 9 ? i < up_to : dice_below(dice, 8) < c->keep;
        cut_atom(n, c, i * c->atom, written, dice);
    }
    if (size < n->now.cap) memset(n->now.p + size, 0, (size_t)(n->now.cap - size));
    if (n->now.cap) memcpy(n->synced.p, n->now.p, (size_t)n->now.cap);
    n->now.size = n->synced.size = size;
    n->resized = false;
    n->allocated = 0;
}

static void cut_names(disk *d, dicebox *dice)
{
    bool in_order = dice_one_in(dice, 2);
    unsigned up_to = dice_below(dice, d->nchanges + 1);
    for (unsigned i = 0; i < d->nchanges; i++)
        if (in_order ? i < up_to : dice_one_in(dice, 2)) apply(&d->synced, &d->changes[i]);
    d->nchanges = 0;
    for (unsigned i = 0; i < d->synced.n;)
        if (has_parent(&d->synced, d->synced.at[i].path))
            i++;
        else {
            bind(&d->synced, d->synced.at[i].path, NULL);
            i = 0;
        }
    d->now.n = 0;
    for (unsigned i = 0; i < d->synced.n; i++)
        bind(&d->now, d->synced.at[i].path, d->synced.at[i].node);
}

/* ---- the leat_os ---- */

static handle *handle_of(int fd)
{
    disk *d = mounted;
    return fd >= 0 && fd < HANDLES && d->handles[fd].node ? &d->handles[fd] : NULL;
}

static int os_open(const char *path, int flags, unsigned mode)
{
    (void)mode;
    disk *d = mounted;
    node *n = lookup(&d->now, path);
    if (n && (flags & LEAT_O_EXCL)) return -EEXIST;
    if (n && n->folder) return -EISDIR;
    if (!n && !(flags & LEAT_O_CREATE)) return -ENOENT;
    if (!n && !has_parent(&d->now, path)) return -ENOENT;
    if (n && (flags & LEAT_O_LOCK) && n->lock) return -EWOULDBLOCK;
    if (!n && d->room == 0) return -ENOSPC;
    int fd = 0;
    while (fd < HANDLES && d->handles[fd].node) fd++;
    if (fd == HANDLES) return -EMFILE;
    if (!n) log_change(d, path, NULL, n = new_node(d, false));
    d->handles[fd] = (handle){n, leat_arena_strdup(&d->paths, path), d->process, flags};
    if (flags & LEAT_O_LOCK) n->lock = fd + 1;
    return fd;
}

static void shut(disk *d, int fd)
{
    handle *h = &d->handles[fd];
    if (h->node->lock == fd + 1) h->node->lock = 0;
    h->node = NULL;
}

static int os_close(int fd)
{
    if (fd < 0) return 0;
    if (!handle_of(fd)) return -EBADF;
    shut(mounted, fd);
    return 0;
}

static int64_t os_pread(int fd, void *p, size_t n, int64_t at)
{
    handle *h = handle_of(fd);
    if (!h || !(h->flags & LEAT_O_READ)) return -EBADF;
    if (at < 0) return -EINVAL;
    int64_t left = h->node->now.size - at;
    if (left <= 0) return 0;
    if ((uint64_t)left < n) n = (size_t)left;
    memcpy(p, h->node->now.p + at, n);
    return (int64_t)n;
}

static int64_t os_pwrite(int fd, const void *p, size_t n, int64_t at)
{
    disk *d = mounted;
    handle *h = handle_of(fd);
    if (!h || !(h->flags & LEAT_O_WRITE)) return -EBADF;
    if (at < 0) return -EINVAL;
    if (n == 0) return 0;
    node *file = h->node;
    int64_t held = file->allocated > file->now.size ? file->allocated : file->now.size;
    int64_t more = at + (int64_t)n - (at > held ? at : held);
    if (d->room >= 0 && more > d->room) {
        if ((int64_t)n - (more - d->room) <= 0) return -ENOSPC;
        n -= (size_t)(more - d->room);
        more = d->room;
    }
    if (d->room >= 0 && more > 0) d->room -= more;
    if (at + (int64_t)n > file->now.size) resize(file, at + (int64_t)n);
    memcpy(file->now.p + at, p, n);
    soil(file, at, at + (int64_t)n);
    return (int64_t)n;
}

static int os_datasync(int fd)
{
    disk *d = mounted;
    handle *h = handle_of(fd);
    if (!h) return -EBADF;
    if (d->fail_sync) {
        for (int64_t s = 0; s < h->node->now.cap / SECTOR; s++)
            if (h->node->sectors[s] == DIRTY) h->node->sectors[s] = LOST;
        d->fail_sync = false;
        return -EIO;
    }
    if (!d->lie_sync) sync_node(h->node);
    d->lie_sync = false;
    return 0;
}

static int os_truncate(int fd, int64_t size)
{
    handle *h = handle_of(fd);
    if (!h || !(h->flags & LEAT_O_WRITE)) return -EBADF;
    if (size < 0) return -EINVAL;
    if (size < h->node->allocated) h->node->allocated = size;
    resize(h->node, size);
    return 0;
}

static int64_t os_size(int fd)
{
    handle *h = handle_of(fd);
    return h ? h->node->now.size : -EBADF;
}

static int os_same(int fd, const char *path)
{
    handle *h = handle_of(fd);
    node *n = lookup(&mounted->now, path);
    if (!h) return -EBADF;
    return n ? n == h->node : -ENOENT;
}

static int os_allocate(int fd, int64_t size)
{
    disk *d = mounted;
    handle *h = handle_of(fd);
    if (!h || !(h->flags & LEAT_O_WRITE)) return -EBADF;
    node *n = h->node;
    int64_t held = n->allocated > n->now.size ? n->allocated : n->now.size;
    if (size <= held) return 0;
    if (d->room >= 0 && size - held > d->room) return -ENOSPC;
    if (d->room >= 0) d->room -= size - held;
    n->allocated = size;
    return 0;
}

static int os_unlink(const char *path)
{
    disk *d = mounted;
    node *n = lookup(&d->now, path);
    if (!n) return -ENOENT;
    if (n->folder) return -EISDIR;
    if (d->room >= 0) d->room += n->allocated > n->now.size ? n->allocated : n->now.size;
    log_change(d, path, NULL, NULL);
    return 0;
}

static int os_rename(const char *from, const char *to)
{
    disk *d = mounted;
    node *n = lookup(&d->now, from);
    if (!n || !has_parent(&d->now, to)) return -ENOENT;
    if (strcmp(from, to) != 0) log_change(d, to, from, n);
    return 0;
}

static int os_link(const char *from, const char *to)
{
    disk *d = mounted;
    node *n = lookup(&d->now, from);
    if (!n || !has_parent(&d->now, to)) return -ENOENT;
    if (lookup(&d->now, to)) return -EEXIST;
    if (d->room == 0) return -ENOSPC;
    log_change(d, to, NULL, n);
    return 0;
}

static int os_mkdir(const char *path, unsigned mode)
{
    (void)mode;
    disk *d = mounted;
    node *n = lookup(&d->now, path);
    if (n) return n->folder ? 0 : -ENOTDIR;
    if (!has_parent(&d->now, path)) return -ENOENT;
    if (d->room == 0) return -ENOSPC;
    log_change(d, path, NULL, new_node(d, true));
    return 0;
}

static int os_sync_dir(const char *path)
{
    disk *d = mounted;
    if (*path && strcmp(path, "/") != 0 && !lookup(&d->now, path)) return -ENOENT;
    leat_str folder = leat_str_of(strcmp(path, "/") == 0 ? "" : path);
    unsigned kept = 0;
    for (unsigned i = 0; i < d->nchanges; i++) {
        change *c = &d->changes[i];
        if (!d->lie_sync_dir && leat_str_eq(parent_of(c->path), folder))
            apply(&d->synced, c);
        else
            d->changes[kept++] = *c;
    }
    d->nchanges = kept;
    d->lie_sync_dir = false;
    return 0;
}

static int os_list(const char *path, bool (*fn)(void *arg, const char *name), void *arg)
{
    disk *d = mounted;
    node *n = lookup(&d->now, path);
    if (!n) return -ENOENT;
    if (!n->folder) return -ENOTDIR;
    leat_arena a = {0};
    const char **found = LEAT_NEW(&a, const char *, d->now.n);
    unsigned count = 0;
    for (unsigned i = d->now.n; i-- > 0;)
        if (leat_str_is(parent_of(d->now.at[i].path), path))
            found[count++] = strrchr(d->now.at[i].path, '/') + 1;
    for (unsigned i = 0; i < count && fn(arg, found[i]); i++) continue;
    leat_arena_free(&a);
    return 0;
}

static int os_rmdir(const char *path)
{
    disk *d = mounted;
    node *n = lookup(&d->now, path);
    if (!n) return -ENOENT;
    if (!n->folder) return -ENOTDIR;
    for (unsigned i = 0; i < d->now.n; i++)
        if (leat_str_is(parent_of(d->now.at[i].path), path)) return -ENOTEMPTY;
    log_change(d, path, NULL, NULL);
    return 0;
}

/* As large as they come, with as much room as was left to it. */
static int64_t os_room(const char *path, int64_t *total)
{
    (void)path;
    *total = INT64_C(1) << 40;
    return mounted->room < 0 ? *total : mounted->room;
}

const leat_os disk_os = {
    .open = os_open,
    .close = os_close,
    .pread = os_pread,
    .pwrite = os_pwrite,
    .datasync = os_datasync,
    .truncate = os_truncate,
    .size = os_size,
    .same = os_same,
    .allocate = os_allocate,
    .unlink = os_unlink,
    .rmdir = os_rmdir,
    .rename = os_rename,
    .link = os_link,
    .mkdir = os_mkdir,
    .sync_dir = os_sync_dir,
    .list = os_list,
    .room = os_room,
};

/* ---- the disk itself ---- */

disk *disk_new(void)
{
    disk *d = leat_zalloc(1, sizeof *d);
    d->room = -1;
    return d;
}

void disk_free(disk *d)
{
    if (!d) return;
    if (mounted == d) mounted = NULL;
    for (node *n = d->nodes, *next; n; n = next) {
        next = n->next;
        leat_free(n->now.p);
        leat_free(n->synced.p);
        leat_free(n->sectors);
        leat_free(n);
    }
    leat_free(d->now.at);
    leat_free(d->synced.at);
    leat_free(d->changes);
    leat_arena_free(&d->paths);
    leat_free(d);
}

void disk_mount(disk *d)
{
    mounted = d;
}

void disk_process(disk *d, int process)
{
    d->process = process;
}

unsigned disk_handles(const disk *d, int process, const char **example)
{
    unsigned n = 0;
    for (int fd = 0; fd < HANDLES; fd++) {
        if (!d->handles[fd].node || d->handles[fd].process != process) continue;
        n++;
        if (example) *example = d->handles[fd].path;
    }
    return n;
}

const char *disk_path(const disk *d, int fd)
{
    return d->handles[fd].path;
}

void disk_kill(disk *d, int process)
{
    for (int fd = 0; fd < HANDLES; fd++)
        if (d->handles[fd].node && d->handles[fd].process == process) shut(d, fd);
}

static const node *some_node(const disk *d, dicebox *dice)
{
    uint32_t count = 0;
    for (const node *n = d->nodes; n; n = n->next) count++;
    uint32_t which = count ? dice_below(dice, count) : 0;
    const node *n = d->nodes;
    while (n && which-- > 0) n = n->next;
    return n;
}

void disk_power_cut(disk *d, dicebox *dice)
{
    for (int fd = 0; fd < HANDLES; fd++)
        if (d->handles[fd].node) shut(d, fd);
    static const uint32_t keeps[] = {0, 4, 4, 7, 8, 9, 9};
    cut c = {.keep = keeps[dice_below(dice, sizeof keeps / sizeof keeps[0])],
             .atom = SECTOR << 3 * dice_below(dice, 3)};
    if (dice_one_in(dice, 4)) c.stale = some_node(d, dice);
    cut_names(d, dice);
    for (node *n = d->nodes; n; n = n->next) cut_node(n, &c, dice);
    d->fail_sync = d->lie_sync = d->lie_sync_dir = false;
}

void disk_fail_sync(disk *d)
{
    d->fail_sync = true;
}

void disk_lie_sync(disk *d)
{
    d->lie_sync = true;
}

void disk_lie_sync_dir(disk *d)
{
    d->lie_sync_dir = true;
}

void disk_room(disk *d, int64_t bytes)
{
    d->room = bytes;
}
