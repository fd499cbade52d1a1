/* Processes of the host, what they know, and what was left open for the box. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

struct census {
  const struct facts* facts;
  int processes;
  struct tally tally;
};

/* A process is known by its name and its time of start, which every pid namespace shows alike: proc(5), stat. */
static bool compare_process(const char* directory, void* context) {
  struct census* census = context;
  char path[320];
  char text[1024];
  snprintf(path, sizeof path, "%s/stat", directory);
  if (read_start(path, text, sizeof text) <= 0) return true;
  ++census->processes;
  char* name = strchr(text, '(');
  char* end = strrchr(text, ')');
  if (!name || !end) return true;
  *end = '\0';
  char* field = end + 1;
  for (int number = 2; number < 21 && field; ++number) field = strchr(field + 1, ' ');
  if (!field) return true;
  char found[200];
  snprintf(found, sizeof found, "%llu:%s", strtoull(field + 1, NULL, 10), name + 1);
  int at = 0;
  for (const char* value; (value = next_fact(census->facts, "process", &at));)
    count(&census->tally, strcmp(value, found) == 0, found);
  return true;
}

void try_processes(const struct facts* facts) {
  struct census census = {.facts = facts};
  each_process(compare_process, &census);
  if (census.processes == 0)
    untried("/proc shows no process at all");
  else if (census.tally.worked > 0)
    broken("visible: %s", census.tally.first);
  else if (census.tally.tried == 0)
    untried("no process to look for");
  else
    held("%d processes visible, all of them the box's", census.processes);
}

void try_reach(const struct facts* facts) {
  struct tally tally = {0};
  const bool own_pids = has_own_namespace(facts, "pid");
  int at = 0;
  for (const char* value; (value = next_fact(facts, "pid", &at));) {
    const pid_t pid = (pid_t)strtol(value, NULL, 10);
    char directory[64];
    snprintf(directory, sizeof directory, "/proc/%d", pid);
    if (own_pids && access(directory, F_OK) == 0) continue; /* the number is that of a process of the box */
    char byte;
    const struct iovec here = {&byte, 1};
    const struct iovec there = {(void*)0x400000, 1};
    count(&tally, kill(pid, 0) == 0 || errno != ESRCH, "kill");
    count(&tally, syscall(SYS_pidfd_open, pid, 0) >= 0, "pidfd_open");
    count(&tally, process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0, "process_vm_readv");
    const bool traced = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
    if (traced) ptrace(PTRACE_DETACH, pid, NULL, NULL);
    count(&tally, traced, "ptrace");
  }
  conclude(&tally, "ways", "no process to try");
}

/* The program of a process is reached past every mount of the box. Its mode is set to what it is. */
static bool change_program(const char* directory, void* tally) {
  char path[320];
  char target[160] = "";
  struct stat info;
  snprintf(path, sizeof path, "%s/exe", directory);
  if (readlink(path, target, sizeof target - 1) < 0 || stat(path, &info) != 0) return true;
  count(tally, chmod(path, info.st_mode & 07777) == 0, target);
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  count(tally, file >= 0, target);
  if (file >= 0) close(file);
  return true;
}

void try_programs(const struct facts* facts) {
  (void)facts;
  struct tally tally = {0};
  each_process(change_program, &tally);
  conclude(&tally, "ways", "/proc shows no program");
}

void try_variables(const struct facts* facts) {
  struct tally tally = {0};
  int at = 0;
  for (const char* name; (name = next_fact(facts, "variable", &at));)
    count(&tally, getenv(name) != NULL, name);
  conclude(&tally, "variables", "your environment has no others");
}

struct environs {
  const struct facts* facts;
  int readable;
  struct tally tally;
};

static bool search_environ(const char* directory, void* context) {
  static char text[256 * 1024];
  struct environs* environs = context;
  char path[320];
  snprintf(path, sizeof path, "%s/environ", directory);
  const long length = read_start(path, text, sizeof text);
  if (length < 0) return true;
  ++environs->readable;
  for (const char* entry = text; entry < text + length; entry += strlen(entry) + 1) {
    const char* equals = strchr(entry, '=');
    if (!equals) continue;
    int at = 0;
    for (const char* name; (name = next_fact(environs->facts, "variable", &at));)
      count(&environs->tally,
            strlen(name) == (size_t)(equals - entry) && strncmp(name, entry, strlen(name)) == 0, name);
  }
  return true;
}

void try_environs(const struct facts* facts) {
  struct environs environs = {.facts = facts};
  each_process(search_environ, &environs);
  if (environs.tally.worked > 0)
    broken("a process of the box has %s", environs.tally.first);
  else if (!fact(facts, "variable"))
    untried("your environment has no others");
  else
    held("%d environments of processes read", environs.readable);
}

void try_descriptors(const struct facts* facts) {
  (void)facts;
  DIR* directory = opendir("/proc/self/fd");
  if (!directory) {
    untried("/proc/self/fd: %s", strerror(errno));
    return;
  }
  struct tally tally = {0};
  for (struct dirent* entry; (entry = readdir(directory));) {
    if (entry->d_name[0] == '.') continue;
    const long number = strtol(entry->d_name, NULL, 10);
    if (number == dirfd(directory)) continue;
    char path[300];
    char target[120] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%ld", number);
    if (readlink(path, target, sizeof target - 1) < 0) target[0] = '\0';
    char what[140];
    snprintf(what, sizeof what, "%ld is %s", number, target);
    count(&tally, number > 2, what);
  }
  closedir(directory);
  conclude(&tally, "descriptors", "none is open");
}
