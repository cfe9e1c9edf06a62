/*
 * Loaded before a program (LD_PRELOAD): stands between it and fsync. SQLite calls the C library
 * itself, so nothing in Node could. The files named by the environment say what to do:
 *
 *   CHAOS_SYNC_CONTROL  one line, read at every call: "", "delay MS NAME" or "fail NAME"
 *   CHAOS_SYNC_LOG      one line is appended for every call: "ok NAME", "failed NAME"
 *   CHAOS_SYNC_COPIES   a directory: what a successful call has made durable is copied there
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_control(char *action, long *ms, char *name) {
  char text[256] = "";
  const char *path = getenv("CHAOS_SYNC_CONTROL");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  if (sscanf(text, "delay %ld %127s", ms, name) == 2) return strcpy(action, "delay"), 1;
  if (sscanf(text, "fail %127s", name) == 1) return strcpy(action, "fail"), 1;
  return 0;
}

static void append_log(const char *outcome, const char *name) {
  const char *path = getenv("CHAOS_SYNC_LOG");
  int file = path == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  dprintf(file, "%s %s\n", outcome, name);
  close(file);
}

/* By rename, so that a kill leaves the copy before or the copy after. */
static void copy_durable(int from, const char *name) {
  const char *directory = getenv("CHAOS_SYNC_COPIES");
  struct stat about;
  if (directory == NULL || fstat(from, &about) != 0 || !S_ISREG(about.st_mode)) return;
  if (strncmp(name, "journal.sqlite", 14) != 0) return;
  char next[512], last[512];
  snprintf(next, sizeof next, "%s/%s.next", directory, name);
  snprintf(last, sizeof last, "%s/%s", directory, name);
  int to = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (to < 0) return;
  static __thread char block[1 << 16];
  off_t at = 0;
  for (ssize_t n; (n = pread(from, block, sizeof block, at)) > 0; at += n)
    if (pwrite(to, block, n, at) != n) abort();
  close(to);
  rename(next, last);
}

static int stand_between(const char *function, int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, function);
  char link[64], path[512] = "", action[16] = "", wanted[128] = "";
  long ms = 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  const char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  int isMeant = read_control(action, &ms, wanted) && strcmp(wanted, name) == 0;
  if (isMeant && strcmp(action, "delay") == 0) usleep(ms * 1000);
  if (isMeant && strcmp(action, "fail") == 0) {
    append_log("failed", name);
    errno = EIO;
    return -1;
  }
  int result = real(file);
  if (result == 0) copy_durable(file, name);
  append_log(result == 0 ? "ok" : "failed", name);
  return result;
}

int fsync(int file) { return stand_between("fsync", file); }
int fdatasync(int file) { return stand_between("fdatasync", file); }
