#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

const char* next_fact(const struct facts* facts, const char* key, int* at) {
  const size_t length = strlen(key);
  while (*at < facts->count) {
    const char* word = facts->words[(*at)++];
    if (strncmp(word, key, length) == 0 && word[length] == '=') return word + length + 1;
  }
  return NULL;
}

const char* fact(const struct facts* facts, const char* key) {
  int at = 0;
  return next_fact(facts, key, &at);
}

void count(struct tally* tally, bool worked, const char* what) {
  ++tally->tried;
  if (worked && tally->worked++ == 0) snprintf(tally->first, sizeof tally->first, "%s", what);
}

void conclude(const struct tally* tally, const char* what, const char* nothing) {
  if (tally->worked > 0)
    broken("%d of %d %s, such as %s", tally->worked, tally->tried, what, tally->first);
  else if (tally->tried == 0)
    untried("%s", nothing);
  else
    held("0 of %d %s", tally->tried, what);
}

int must_fail(long result, const char* name) {
  if (result < 0) return errno;
  broken("%s worked", name);
  return 0;
}

void each_process(bool (*visit)(const char* directory, void* context), void* context) {
  DIR* proc = opendir("/proc");
  if (!proc) return;
  for (struct dirent* entry; (entry = readdir(proc));) {
    char directory[300];
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    snprintf(directory, sizeof directory, "/proc/%s", entry->d_name);
    if (!visit(directory, context)) break;
  }
  closedir(proc);
}

long read_start(const char* path, char* buffer, size_t size) {
  const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return -1;
  size_t length = 0;
  while (length < size - 1) {
    const ssize_t got = read(file, buffer + length, size - 1 - length);
    if (got <= 0) break;
    length += (size_t)got;
  }
  close(file);
  buffer[length] = '\0';
  return (long)length;
}

bool has_own_namespace(const struct facts* facts, const char* name) {
  char path[64];
  char own[80] = "";
  snprintf(path, sizeof path, "/proc/self/ns/%s", name);
  const bool known = readlink(path, own, sizeof own - 1) > 0;
  const size_t length = strlen(name);
  int at = 0;
  for (const char* value; (value = next_fact(facts, "namespace", &at));)
    if (strncmp(value, name, length) == 0 && value[length] == ':') return known && strcmp(own, value) != 0;
  return false;
}
