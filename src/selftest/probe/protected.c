/* What later runs on the host: read-only, and not to be moved out of the way. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

static bool can_write(const char* path) {
  struct stat info;
  if (lstat(path, &info) != 0) return false;
  char name[PATH_MAX + 32];
  if (!S_ISDIR(info.st_mode)) {
    const int file = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file >= 0) close(file);
    return file >= 0;
  }
  snprintf(name, sizeof name, "%s/.claudebox-selftest", path);
  const int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  close(file);
  unlink(name);
  return true;
}

static bool can_move(const char* path) {
  char name[PATH_MAX + 32];
  snprintf(name, sizeof name, "%s.claudebox-selftest", path);
  struct stat info;
  if (lstat(name, &info) == 0 || rename(path, name) != 0) return false;
  if (rename(name, path) != 0) broken("%s was moved to %s and could not be moved back", path, name);
  return true;
}

void try_protected(const struct facts* facts) {
  struct tally tally = {0};
  int at = 0;
  for (const char* path; (path = next_fact(facts, "covered", &at));) count(&tally, can_write(path), path);
  conclude(&tally, "places", "this project has nothing that needs it");
}

void try_moving(const struct facts* facts) {
  static const char* const kKeys[] = {"covered", "pinned"};
  struct tally tally = {0};
  for (size_t key = 0; key < 2; ++key) {
    int at = 0;
    for (const char* path; (path = next_fact(facts, kKeys[key], &at));) count(&tally, can_move(path), path);
  }
  conclude(&tally, "places", "this project has nothing that needs it");
}
