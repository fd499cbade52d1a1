/* The table of attempts, and how each one runs: in a child of its own with a time limit, so that one that is
 * killed or hangs says so and takes no other with it. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

struct attempt {
  const char* id;
  attempt_function* run;
};

/* Those about mounts and renames come last: where they work they change the box that the others look at. */
static const struct attempt kAttempts[] = {
    {"files.secrets", try_secrets},
    {"files.home", try_home},
    {"files.projects", try_projects},
    {"files.system", try_system},
    {"files.roots", try_roots},
    {"sockets.dbus", try_dbus},
    {"sockets.containers", try_containers},
    {"sockets.agents", try_agents},
    {"sockets.paths", try_socket_paths},
    {"sockets.abstract", try_abstract_socket},
    {"processes.visible", try_processes},
    {"processes.reach", try_reach},
    {"processes.programs", try_programs},
    {"environment.variables", try_variables},
    {"environment.processes", try_environs},
    {"descriptors", try_descriptors},
    {"privileges.capabilities", try_capabilities},
    {"privileges.new", try_new_privileges},
    {"privileges.identity", try_identity},
    {"privileges.setuid-files", try_setuid_files},
    {"namespaces", try_namespaces},
    {"kernel.proc-sys", try_proc_sys},
    {"kernel.proc", try_proc},
    {"kernel.sys", try_sys},
    {"kernel.devices", try_devices},
    {"seccomp.active", try_seccomp},
    {"seccomp.terminal", try_terminal},
    {"seccomp.families", try_families},
    {"seccomp.raw", try_raw},
    {"seccomp.keyrings", try_keyrings},
    {"seccomp.io_uring", try_io_uring},
    {"seccomp.doors", try_doors},
    {"seccomp.foreign", try_foreign_calls},
    {"network.loopback", try_host_loopback},
    {"network.routes", try_routes},
    {"network.own", try_own_addresses},
    {"network.near", try_near_addresses},
    {"network.private", try_private_addresses},
    {"network.metadata", try_metadata},
    {"network.slirp", try_slirp},
    {"network.ungranted", try_ungranted},
    {"names.private", try_private_name},
    {"names.ungranted", try_ungranted_name},
    {"names.servers", try_name_servers},
    {"limits.memory", try_memory},
    {"limits.processes", try_many_processes},
    {"limits.open-files", try_open_files},
    {"packages.store", try_store},
    {"protected.write", try_protected},
    {"protected.move", try_moving},
    {"mounts.nested", try_nested_mounts},
    {"mounts.change", try_mounts},
};

enum { kTimeLimitSeconds = 20, kLingerSeconds = 5 };

/* Shared with the child that runs an attempt. */
struct result {
  char outcome[8];
  char detail[400];
};
static struct result* result;

static void set_result(const char* outcome, const char* format, va_list arguments) {
  snprintf(result->outcome, sizeof result->outcome, "%s", outcome);
  vsnprintf(result->detail, sizeof result->detail, format, arguments);
}

#define DEFINE_OUTCOME(name)              \
  void name(const char* format, ...) {    \
    va_list arguments;                    \
    va_start(arguments, format);          \
    set_result(#name, format, arguments); \
    va_end(arguments);                    \
  }
DEFINE_OUTCOME(held)
DEFINE_OUTCOME(broken)
DEFINE_OUTCOME(untried)

static void run(const struct attempt* attempt, const struct facts* facts) {
  memset(result, 0, sizeof *result);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kTimeLimitSeconds);
    attempt->run(facts);
    _exit(0);
  }
  int status = 0;
  if (child < 0) {
    untried("fork: %s", strerror(errno));
  } else {
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
      untried("took longer than %d seconds", kTimeLimitSeconds);
    else if (WIFSIGNALED(status))
      untried("the attempt was killed by signal %d", WTERMSIG(status));
    else if (result->outcome[0] == '\0')
      untried("the attempt said nothing");
  }
  for (char* c = result->detail; *c; ++c)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
  printf("%s\t%s\t%s\n", attempt->id, result->outcome, result->detail);
  fflush(stdout);
}

/* Every attempt, or those that are named by only=ID. */
static bool wanted(const struct facts* facts, const char* id) {
  bool limited = false;
  int at = 0;
  for (const char* only; (only = next_fact(facts, "only", &at));) {
    limited = true;
    if (strcmp(only, id) == 0) return true;
  }
  return !limited;
}

static void print_namespace(void) {
  char target[80] = "";
  if (readlink("/proc/self/ns/pid", target, sizeof target - 1) > 0) printf("note\tnamespace\t%s\n", target);
  fflush(stdout);
}

/* A process as a build server leaves one: in a session of its own, without a parent. It has the token in its command
 * line, by which it is looked for on the host when the box has ended, and ends by itself a little later. */
static void leave_behind(char* program, const char* token) {
  const pid_t child = fork();
  if (child == 0) {
    if (setsid() < 0 || fork() != 0) _exit(0);
    for (int number = 0; number < 3; ++number) close(number);
    char word[200];
    snprintf(word, sizeof word, "linger=%s", token);
    char* const arguments[] = {program, word, NULL};
    execv(program, arguments);
    _exit(0);
  }
  if (child > 0) waitpid(child, NULL, 0);
}

int main(int argc, char** argv) {
  const struct facts facts = {argc - 1, argv + 1};
  if (fact(&facts, "linger")) {
    sleep(kLingerSeconds);
    return 0;
  }
  if (fact(&facts, "list")) {
    for (size_t i = 0; i < sizeof kAttempts / sizeof *kAttempts; ++i) puts(kAttempts[i].id);
    return 0;
  }
  result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (result == MAP_FAILED) return 1;
  int done = 0;
  for (size_t i = 0; i < sizeof kAttempts / sizeof *kAttempts; ++i) {
    if (!wanted(&facts, kAttempts[i].id)) continue;
    run(&kAttempts[i], &facts);
    ++done;
  }
  const char* token = fact(&facts, "token");
  if (token) {
    print_namespace();
    leave_behind(argv[0], token);
  }
  printf("end\t%d\t\n", done);
  return fflush(stdout) == 0 ? 0 : 1;
}
