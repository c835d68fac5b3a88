/* Something goes wrong at the n-th call of a program, to be loaded before it (LD_PRELOAD).
 *
 * What happens, and when, stands in the environment:
 *
 *   FAULT_CALLS    the calls that count, such as "pwrite,fdatasync"
 *   FAULT_BELOW    only calls on files below this folder count
 *   FAULT_COUNTER  a file of eight bytes: how many have been made, by all processes together
 *   FAULT_AT       the number of the call it happens before, from 1 on; 0 is never
 *   FAULT_TIMES    how many calls fail from there on (1); -1 is all of them
 *   FAULT_DO       fail: the call fails with FAULT_ERRNO
 *                  kill: the process is killed
 *                  stop: the process is stopped, and goes on when it is told to
 *                  cut:  the ext4 at FAULT_DISK loses what is not on it yet, and the process is
 *                        killed; FAULT_MARK gets a line "cut" directly before, because after the
 *                        journal is gone fdatasync still returns 0
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* ext4.h: EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32), and EXT4_GOING_FLAGS_NOLOGFLUSH. */
#define SHUTDOWN 0x8004587DUL
#define NO_LOG_FLUSH 2

static const char *calls, *below, *what;
static long at, times;
static int error_number;
static volatile long *seen;

static long number(const char *name, long otherwise)
{
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

/* Our own calls go past the functions below. */
static int open_quietly(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

__attribute__((constructor)) static void read_plan(void)
{
    const char *counter = getenv("FAULT_COUNTER");
    int file = counter ? open_quietly(counter, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (seen == MAP_FAILED)
        return;
    below = getenv("FAULT_BELOW");
    what = getenv("FAULT_DO");
    at = number("FAULT_AT", 0);
    times = number("FAULT_TIMES", 1);
    error_number = (int)number("FAULT_ERRNO", EIO);
    /* Last: it tells that the plan is complete. */
    calls = getenv("FAULT_CALLS");
}

static int counts(const char *call)
{
    size_t length = strlen(call);
    for (const char *rest = calls; rest && *rest;) {
        size_t next = strcspn(rest, ",");
        if (next == length && !strncmp(rest, call, length))
            return 1;
        rest += next + (rest[next] == ',');
    }
    return 0;
}

static void cut_the_power(void)
{
    const char *mark = getenv("FAULT_MARK"), *disk = getenv("FAULT_DISK");
    unsigned int flags = NO_LOG_FLUSH;
    int file = open_quietly(mark, O_WRONLY | O_APPEND);
    syscall(SYS_write, file, "cut\n", 4);
    ioctl(open_quietly(disk, O_RDONLY), SHUTDOWN, &flags);
}

/* Whether a call on a file has to fail now; the other things that may happen, happen here. */
static int goes_wrong(const char *path)
{
    if (!path || !below || strncmp(path, below, strlen(below)))
        return 0;
    long now = __sync_add_and_fetch(seen, 1);
    if (!at || now < at || (times >= 0 && now >= at + times))
        return 0;
    if (!strcmp(what, "fail")) {
        errno = error_number;
        return 1;
    }
    if (!strcmp(what, "stop")) {
        kill(getpid(), SIGSTOP);
        return 0;
    }
    if (!strcmp(what, "cut"))
        cut_the_power();
    for (;;)
        kill(getpid(), SIGKILL);
}

static int wrong_file(const char *call, int file)
{
    char name[64], path[4096];
    if (!calls || !counts(call))
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return goes_wrong(path);
}

static int wrong_path(const char *call, int folder, const char *path)
{
    if (!calls || !path || !counts(call))
        return 0;
    if (*path == '/')
        return goes_wrong(path);
    if (folder != AT_FDCWD)
        return wrong_file(call, folder);
    char here[4096];
    return goes_wrong(getcwd(here, sizeof here));
}

#define REAL(kind, name, ...)                                                                     \
    static kind (*real)(__VA_ARGS__);                                                             \
    if (!real)                                                                                    \
    real = (kind(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

/* A call on an open file; some have a second name for files beyond 2 GB. */
#define ON_FILE(kind, function, call, types, names, first)                                        \
    kind function types                                                                           \
    {                                                                                             \
        static kind(*real) types;                                                                 \
        if (!real)                                                                                \
            real = (kind(*) types)dlsym(RTLD_NEXT, #function);                                    \
        return wrong_file(call, first) ? -1 : real names;                                         \
    }

ON_FILE(int, fsync, "fsync", (int file), (file), file)
ON_FILE(int, fdatasync, "fdatasync", (int file), (file), file)
ON_FILE(int, flock, "flock", (int file, int how), (file, how), file)
ON_FILE(int, ftruncate, "ftruncate", (int file, off_t size), (file, size), file)
ON_FILE(int, ftruncate64, "ftruncate", (int file, off64_t size), (file, size), file)
ON_FILE(ssize_t, write, "write", (int file, const void *data, size_t size), (file, data, size), file)
ON_FILE(ssize_t, pwrite, "pwrite", (int file, const void *data, size_t size, off_t to),
        (file, data, size, to), file)
ON_FILE(ssize_t, pwrite64, "pwrite", (int file, const void *data, size_t size, off64_t to),
        (file, data, size, to), file)
ON_FILE(ssize_t, pread, "pread", (int file, void *data, size_t size, off_t from),
        (file, data, size, from), file)
ON_FILE(ssize_t, pread64, "pread", (int file, void *data, size_t size, off64_t from),
        (file, data, size, from), file)
ON_FILE(ssize_t, sendfile64, "write", (int file, int source, off64_t *from, size_t size),
        (file, source, from, size), file)

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    return wrong_path("rename", AT_FDCWD, to) ? -1 : real(from, to);
}

int renameat(int source, const char *from, int target, const char *to)
{
    REAL(int, "renameat", int, const char *, int, const char *);
    return wrong_path("rename", target, to) ? -1 : real(source, from, target, to);
}

int link(const char *from, const char *to)
{
    REAL(int, "link", const char *, const char *);
    return wrong_path("link", AT_FDCWD, to) ? -1 : real(from, to);
}

int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    return wrong_path("unlink", AT_FDCWD, path) ? -1 : real(path);
}

int unlinkat(int folder, const char *path, int flags)
{
    REAL(int, "unlinkat", int, const char *, int);
    return wrong_path("unlink", folder, path) ? -1 : real(folder, path, flags);
}

/* The mode is there only when a file may be made. */
#define MODE(flags)                                                                               \
    mode_t mode = 0;                                                                              \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                        \
        va_list rest;                                                                             \
        va_start(rest, flags);                                                                    \
        mode = va_arg(rest, mode_t);                                                              \
        va_end(rest);                                                                             \
    }

#define OPEN(function)                                                                            \
    int function(const char *path, int flags, ...)                                                \
    {                                                                                             \
        MODE(flags)                                                                               \
        REAL(int, #function, const char *, int, ...);                                             \
        return wrong_path("open", AT_FDCWD, path) ? -1 : real(path, flags, mode);                 \
    }

#define OPEN_AT(function)                                                                         \
    int function(int folder, const char *path, int flags, ...)                                    \
    {                                                                                             \
        MODE(flags)                                                                               \
        REAL(int, #function, int, const char *, int, ...);                                        \
        return wrong_path("open", folder, path) ? -1 : real(folder, path, flags, mode);           \
    }

OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)
