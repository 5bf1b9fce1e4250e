/* Preloaded into a process under test (LD_PRELOAD): writes down, in order, everything the process does to the files
 * of one folder, so that a test can build the state of a disk on which any part of what was not synced is missing.
 * It can also make the next but n-th of those calls fail, write half, or be the process's last, and all calls from there
 * on fail until told otherwise, as on a full disk.
 *
 * While the file that ONCEGATE_JOURNAL_FULL names is there, the disk is full: writes and new files fail.
 *
 * Environment: ONCEGATE_JOURNAL_FOLDER, ONCEGATE_JOURNAL (may be missing). Record: op u8, path length u16, offset u64, data length u32,
 * path, data; little endian. Shared memory files (-shm) are left out: SQLite builds them anew after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *names[FILES];
static char writable[FILES];
static int journal = -1;
static const char *folder;
static size_t folder_length;
static const char *full;
static long fail_in = -1;
static int fail_errno;
static int fail_how;
static long calls;
static char kinds[65536];

/* What happens at the call that was chosen; keep in step with tests/support/file_faults.py. */
enum { FAIL_ONCE, FAIL_ON, HALF, KILL, HALF_AND_KILL };

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static ssize_t raw_write(int fd, const void *data, size_t size) {
    ssize_t (*call)(int, const void *, size_t) = real("write");
    return call(fd, data, size);
}

static void record(uint8_t op, const char *path, uint64_t offset, const void *data, uint32_t size) {
    if (journal < 0) return;
    uint16_t length = (uint16_t)strlen(path);
    size_t total = 15 + length + size;
    char *whole = malloc(total);
    if (!whole) abort();
    memcpy(whole, &op, 1);
    memcpy(whole + 1, &length, 2);
    memcpy(whole + 3, &offset, 8);
    memcpy(whole + 11, &size, 4);
    memcpy(whole + 15, path, length);
    if (size) memcpy(whole + 15 + length, data, size);
    if (raw_write(journal, whole, total) != (ssize_t)total) abort();
    free(whole);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("ONCEGATE_JOURNAL");
    folder = getenv("ONCEGATE_JOURNAL_FOLDER");
    full = getenv("ONCEGATE_JOURNAL_FULL");
    if (!folder) return;
    folder_length = strlen(folder);
    if (!path) return;
    int (*call)(const char *, int, ...) = real("open");
    journal = call(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Called by the process under test when it has been promised something. */
void journal_note(const char *data, uint32_t size) {
    pthread_mutex_lock(&lock);
    record('A', "", 0, data, size);
    pthread_mutex_unlock(&lock);
}

/* At the n-th changing call from now on (0: the next) something happens; a negative n ends that. */
void journal_fault(long n, int how, int error) {
    pthread_mutex_lock(&lock);
    fail_in = n;
    fail_how = how;
    fail_errno = error;
    calls = 0;
    memset(kinds, 0, sizeof kinds);
    pthread_mutex_unlock(&lock);
}

/* The n-th changing call from now on fails with this errno, once. */
void journal_fail(long n, int error) {
    journal_fault(n, FAIL_ONCE, error);
}

/* One letter for each changing call since a fault was last set or ended: w for a write, c for a new file, else o. */
const char *journal_calls(void) {
    return kinds;
}

static int watched(const char *path) {
    if (!folder || !path || strncmp(path, folder, folder_length) != 0) return 0;
    size_t length = strlen(path);
    return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* To be asked before each call that changes a file. 0: go on; 1: fail, errno is set; 2: write half. */
static int met(char kind) {
    if (full && (kind == 'w' || kind == 'c') && access(full, F_OK) == 0) {
        errno = ENOSPC;
        return 1;
    }
    if (calls < (long)sizeof kinds - 1) kinds[calls++] = kind;
    if (fail_in < 0) return 0;
    if (fail_in > 0) {
        fail_in--;
        return 0;
    }
    if (fail_how == KILL) die();
    if (fail_how != FAIL_ON && fail_how != HALF_AND_KILL) fail_in = -1;
    if (fail_how == HALF || fail_how == HALF_AND_KILL) return 2;
    errno = fail_errno;
    return 1;
}

static int met_on(int fd, char kind) {
    return fd < 0 || fd >= FILES || !names[fd] || !writable[fd] ? 0 : met(kind);
}

static int met_at(const char *path, char kind) {
    return watched(path) ? met(kind) : 0;
}

static int opened(int fd, const char *path, int flags, int created) {
    if (fd >= 0 && fd < FILES && watched(path)) {
        pthread_mutex_lock(&lock);
        free(names[fd]);
        names[fd] = strdup(path);
        writable[fd] = (flags & O_ACCMODE) != O_RDONLY;
        if (created) record('C', path, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return fd;
}

#define OPEN(NAME)                                                          \
    int NAME(const char *path, int flags, ...) {                            \
        int (*call)(const char *, int, ...) = real(#NAME);                  \
        mode_t mode = 0;                                                    \
        if (flags & O_CREAT) {                                              \
            va_list rest;                                                   \
            va_start(rest, flags);                                          \
            mode = va_arg(rest, mode_t);                                    \
            va_end(rest);                                                   \
        }                                                                   \
        int created = (flags & O_CREAT) && watched(path) && access(path, F_OK) != 0; \
        if (created || (flags & O_TRUNC)) {                                 \
            pthread_mutex_lock(&lock);                                      \
            int fault = met_at(path, created ? 'c' : 'o');                                       \
            int error = errno;                                              \
            pthread_mutex_unlock(&lock);                                    \
            errno = error;                                                  \
            if (fault == 1) return -1;                                      \
        }                                                                   \
        int fd = opened(call(path, flags, mode), path, flags, created);     \
        if (fd >= 0 && (flags & O_TRUNC) && !created && watched(path)) {    \
            pthread_mutex_lock(&lock);                                      \
            record('T', path, 0, NULL, 0);                                  \
            pthread_mutex_unlock(&lock);                                    \
        }                                                                   \
        return fd;                                                          \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    int (*call)(int) = real("close");
    pthread_mutex_lock(&lock);
    int fault = met_on(fd, 'o'), error = errno;
    if (fd >= 0 && fd < FILES && names[fd]) {
        free(names[fd]);
        names[fd] = NULL;
    }
    pthread_mutex_unlock(&lock);
    int done = call(fd);
    if (fault != 1) return done;
    /* As Linux does it: the descriptor is gone, and the error tells of a write before. */
    errno = error;
    return -1;
}

#define PWRITE(NAME)                                                             \
    ssize_t NAME(int fd, const void *data, size_t size, off_t offset) {          \
        ssize_t (*call)(int, const void *, size_t, off_t) = real(#NAME);         \
        pthread_mutex_lock(&lock);                                               \
        int fault = met_on(fd, 'w');                                             \
        ssize_t done = fault == 1 ? -1 : call(fd, data, fault ? size / 2 : size, offset); \
        if (fault == 2 && fail_how == HALF_AND_KILL) die();                      \
        if (done > 0 && fd < FILES && names[fd]) record('W', names[fd], offset, data, done); \
        int error = errno;                                                       \
        pthread_mutex_unlock(&lock);                                             \
        errno = error;                                                           \
        return done;                                                             \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int fd, const void *data, size_t size) {
    if (fd < 0 || fd >= FILES || !names[fd]) return raw_write(fd, data, size);
    pthread_mutex_lock(&lock);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    int fault = met_on(fd, 'w');
    ssize_t done = fault == 1 ? -1 : raw_write(fd, data, fault ? size / 2 : size);
    if (fault == 2 && fail_how == HALF_AND_KILL) die();
    if (done > 0 && names[fd]) record('W', names[fd], offset, data, done);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

#define TRUNCATE(NAME)                                                  \
    int NAME(int fd, off_t size) {                                      \
        int (*call)(int, off_t) = real(#NAME);                          \
        pthread_mutex_lock(&lock);                                      \
        int done = met_on(fd, 'o') == 1 ? -1 : call(fd, size);              \
        if (!done && fd < FILES && names[fd]) record('T', names[fd], size, NULL, 0); \
        int error = errno;                                              \
        pthread_mutex_unlock(&lock);                                    \
        errno = error;                                                  \
        return done;                                                    \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define SYNC(NAME)                                                      \
    int NAME(int fd) {                                                  \
        int (*call)(int) = real(#NAME);                                 \
        pthread_mutex_lock(&lock);                                      \
        int done = met_on(fd, 'o') == 1 ? -1 : call(fd);                    \
        if (!done && fd >= 0 && fd < FILES && names[fd]) record('S', names[fd], 0, NULL, 0); \
        int error = errno;                                              \
        pthread_mutex_unlock(&lock);                                    \
        errno = error;                                                  \
        return done;                                                    \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    int (*call)(const char *) = real("unlink");
    pthread_mutex_lock(&lock);
    int done = met_at(path, 'o') == 1 ? -1 : call(path);
    if (!done && watched(path)) record('U', path, 0, NULL, 0);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int rename(const char *from, const char *to) {
    int (*call)(const char *, const char *) = real("rename");
    pthread_mutex_lock(&lock);
    int done = met_at(from, 'o') == 1 ? -1 : call(from, to);
    if (!done && watched(from)) record('R', from, 0, to, (uint32_t)strlen(to));
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}
