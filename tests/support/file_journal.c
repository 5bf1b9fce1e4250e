/* Preloaded into a process under test (LD_PRELOAD): writes down, in order, everything the process does to the files
 * of one folder, so that a test can build the state of a disk on which any part of what was not synced is missing.
 * It can also make the next but n-th write, sync or truncation fail.
 *
 * Environment: ONCEGATE_JOURNAL_FOLDER, ONCEGATE_JOURNAL. Record: op u8, path length u16, offset u64, data length u32,
 * path, data; little endian. Shared memory files (-shm) are left out: SQLite builds them anew after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
static int journal = -1;
static const char *folder;
static size_t folder_length;
static long fail_in = -1;
static int fail_errno;

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
    if (!path || !folder) return;
    folder_length = strlen(folder);
    int (*call)(const char *, int, ...) = real("open");
    journal = call(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Called by the process under test when it has been promised something. */
void journal_note(const char *data, uint32_t size) {
    pthread_mutex_lock(&lock);
    record('A', "", 0, data, size);
    pthread_mutex_unlock(&lock);
}

/* The n-th writing call from now on (0: the next) fails with this errno; a negative n ends that. */
void journal_fail(long n, int error) {
    pthread_mutex_lock(&lock);
    fail_in = n;
    fail_errno = error;
    pthread_mutex_unlock(&lock);
}

static int watched(const char *path) {
    if (!folder || !path || strncmp(path, folder, folder_length) != 0) return 0;
    size_t length = strlen(path);
    return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static int fails(int fd) {
    if (fd < 0 || fd >= FILES || !names[fd] || fail_in < 0) return 0;
    if (fail_in-- > 0) return 0;
    errno = fail_errno;
    return 1;
}

static int opened(int fd, const char *path, int created) {
    if (fd >= 0 && fd < FILES && watched(path)) {
        pthread_mutex_lock(&lock);
        free(names[fd]);
        names[fd] = strdup(path);
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
        int fd = opened(call(path, flags, mode), path, created);            \
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
    if (fd >= 0 && fd < FILES && names[fd]) {
        free(names[fd]);
        names[fd] = NULL;
    }
    pthread_mutex_unlock(&lock);
    return call(fd);
}

#define PWRITE(NAME)                                                             \
    ssize_t NAME(int fd, const void *data, size_t size, off_t offset) {          \
        ssize_t (*call)(int, const void *, size_t, off_t) = real(#NAME);         \
        pthread_mutex_lock(&lock);                                               \
        ssize_t done = fails(fd) ? -1 : call(fd, data, size, offset);            \
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
    ssize_t done = fails(fd) ? -1 : raw_write(fd, data, size);
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
        int done = fails(fd) ? -1 : call(fd, size);                     \
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
        int done = fails(fd) ? -1 : call(fd);                           \
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
    int done = call(path);
    if (!done && watched(path)) record('U', path, 0, NULL, 0);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int rename(const char *from, const char *to) {
    int (*call)(const char *, const char *) = real("rename");
    pthread_mutex_lock(&lock);
    int done = call(from, to);
    if (!done && watched(from)) record('R', from, 0, to, (uint32_t)strlen(to));
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}
