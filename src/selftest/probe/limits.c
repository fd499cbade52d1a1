/* Limits, and the store of packages. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* What is more is not tried on somebody's machine. */
enum { kMostProcesses = 2000, kMostFiles = 65536 };

/* 0 where no such limit is set. */
static unsigned long long limit(const struct facts* facts, const char* key) {
  const char* value = fact(facts, key);
  return value ? strtoull(value, NULL, 10) : 0;
}

/* Reserves and touches nothing, so that a limit that is missing costs nothing. */
void try_memory(const struct facts* facts) {
  const unsigned long long most = limit(facts, "limit.memory");
  if (most == 0) {
    untried("%s", fact(facts, "limit.memory-group") ? "to use up the group's memory would end the box"
                                                    : "no such limit is set");
    return;
  }
  void* memory =
      mmap(NULL, (size_t)most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    held("as much as the limit on top of what is used: %s", strerror(errno));
  else
    broken("%llu bytes on top of what is used were given", most);
}

void try_many_processes(const struct facts* facts) {
  const unsigned long long most = limit(facts, "limit.processes");
  if (most == 0 || most > kMostProcesses) {
    untried(most == 0 ? "no such limit is set" : "more than are started for a test");
    return;
  }
  static pid_t children[kMostProcesses + 1];
  unsigned long long started = 0;
  int error = 0;
  while (started <= most && error == 0) {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) pause();
    }
    if (child < 0)
      error = errno;
    else
      children[started++] = child;
  }
  for (unsigned long long i = 0; i < started; ++i) kill(children[i], SIGKILL);
  for (unsigned long long i = 0; i < started; ++i) waitpid(children[i], NULL, 0);
  if (error != 0)
    held("%llu more, then: %s", started, strerror(error));
  else
    broken("%llu were started", started);
}

void try_open_files(const struct facts* facts) {
  const unsigned long long most = limit(facts, "limit.open-files");
  if (most == 0 || most > kMostFiles) {
    untried(most == 0 ? "no such limit is set" : "more than are opened for a test");
    return;
  }
  /* What may be raised is raised first. */
  struct rlimit now = {most + 64, most + 64};
  if (setrlimit(RLIMIT_NOFILE, &now) != 0 && getrlimit(RLIMIT_NOFILE, &now) == 0) {
    now.rlim_cur = now.rlim_max;
    setrlimit(RLIMIT_NOFILE, &now);
  }
  unsigned long long opened = 0;
  while (opened <= most && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) ++opened;
  if (opened < most)
    held("%llu, then: %s", opened, strerror(errno));
  else
    broken("%llu were opened", opened);
}

void try_store(const struct facts* facts) {
  const char* store = fact(facts, "store");
  const unsigned long long planned = limit(facts, "store-paths");
  DIR* directory = store ? opendir(store) : NULL;
  if (!directory) {
    untried("%s", store ? "the store is not there" : "this box has no packages");
    return;
  }
  unsigned long long seen = 0;
  for (struct dirent* entry; (entry = readdir(directory));) seen += entry->d_name[0] != '.';
  closedir(directory);
  char name[300];
  snprintf(name, sizeof name, "%s/.claudebox-selftest", store);
  const int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) {
    close(file);
    unlink(name);
    broken("a file was made in %s", store);
  } else if (seen != planned) {
    broken("%llu paths instead of %llu", seen, planned);
  } else {
    held("%llu paths, none more, read-only", seen);
  }
}
