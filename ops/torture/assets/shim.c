/* Bends the wall clock and slows flushes of the program it is preloaded into; see ops/torture/shim.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct told { volatile int64_t offset_ns, sync_ns; };
static const struct told nothing;
static const struct told *told = &nothing;
static int (*real_clock)(clockid_t, struct timespec *);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static const int64_t SECOND = 1000000000;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("TORTURE_SHIM_FILE");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *told, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) told = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *out) {
    if (!real_clock) real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real_clock(clock, out);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t now = out->tv_sec * SECOND + out->tv_nsec + told->offset_ns;
        out->tv_sec = now / SECOND;
        out->tv_nsec = now % SECOND;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

static void rest(void) {
    int64_t left = told->sync_ns;
    struct timespec pause = {left / SECOND, left % SECOND};
    if (left > 0) nanosleep(&pause, NULL);
}

int fsync(int file) { rest(); return real_fsync(file); }
int fdatasync(int file) { rest(); return real_fdatasync(file); }
