/* Preloaded into a program: its disk is slow, does nothing, and its wall clock is wrong, as the file
 * says that the environment names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
  int64_t sync_millis;  /* that each sync takes in addition */
  int64_t sync_nothing; /* 1: it is said to be on the disk, and nothing was done */
  int64_t wall_seconds; /* that the wall clock is ahead */
};

static volatile struct faults *faults;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("TIDEMARK_IT_FAULTS");
  int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (file >= 0) {
    void *map = mmap(NULL, sizeof(struct faults), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED) faults = map;
  }
}

static int sync_with(long number, int file) {
  if (faults && faults->sync_millis > 0) {
    struct timespec time = {faults->sync_millis / 1000, faults->sync_millis % 1000 * 1000000};
    nanosleep(&time, NULL);
  }
  return faults && faults->sync_nothing ? 0 : (int)syscall(number, file);
}

int fsync(int file) { return sync_with(SYS_fsync, file); }

int fdatasync(int file) { return sync_with(SYS_fdatasync, file); }

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME && faults) time->tv_sec += faults->wall_seconds;
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t *where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}
