/* A disk in memory that forgets what a real one may forget.
 *
 * It is a leat_os (base/os.h). What was written can be read at once; it survives a killed process;
 * what a power cut leaves of what was not synced is up to the dice: pieces of 64 bytes to 4 KiB,
 * lengths and names one by one, each as it was or as it is, or with what once stood in another
 * file. A datasync that fails leaves its sectors readable and lost: a later one succeeds without
 * writing them, as Linux does. A name is durable once its folder is synced. One thread; one disk at
 * a time is mounted. */
#ifndef LEAT_TESTS_SIM_DISK_H
#define LEAT_TESTS_SIM_DISK_H

#include "base/os.h"
#include "dice.h"

typedef struct disk disk;

disk *disk_new(void);
void disk_free(disk *d);
/* The disk that disk_os works on; NULL: none. */
void disk_mount(disk *d);
extern const leat_os disk_os;

/* Handles opened from here on belong to this process, 0 at first. */
void disk_process(disk *d, int process);
/* How many handles the process has open; the path of one of them if example is not NULL. */
unsigned disk_handles(const disk *d, int process, const char **example);
/* Of an open handle. */
const char *disk_path(const disk *d, int fd);
/* The process is gone: its handles and locks too. */
void disk_kill(disk *d, int process);
/* All processes are gone, and what was not synced is what the dice say. */
void disk_power_cut(disk *d, dicebox *dice);
/* The next datasync fails with EIO. */
void disk_fail_sync(disk *d);
/* The next datasync, or the next sync of a folder, says it did it and does not. */
void disk_lie_sync(disk *d);
void disk_lie_sync_dir(disk *d);
/* Bytes that may still be written before -ENOSPC; -1: as many as there are. */
void disk_room(disk *d, int64_t bytes);

#endif
