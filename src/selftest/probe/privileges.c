/* What this process may do: capabilities, other users, namespaces, mounts. */
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "probe.h"

/* The text after "NAME:" in PROCESS/status; empty where there is none. */
static void status_field(const char* process, const char* name, char* out, size_t size) {
  static char text[8192];
  char path[320];
  snprintf(path, sizeof path, "%s/status", process);
  out[0] = '\0';
  if (read_start(path, text, sizeof text) <= 0) return;
  const size_t length = strlen(name);
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    if (strncmp(line, name, length) == 0 && line[length] == ':') {
      const char* value = line + length + 1;
      while (*value == ' ' || *value == '\t') ++value;
      snprintf(out, size, "%s", value);
      return;
    }
}

/* Of every process here, the first one of bwrap included: one process may take over another of its user. */
static bool look_at_capabilities(const char* process, void* tally) {
  static const char* const kSets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
  for (size_t i = 0; i < sizeof kSets / sizeof *kSets; ++i) {
    char value[64];
    char what[400];
    status_field(process, kSets[i], value, sizeof value);
    snprintf(what, sizeof what, "%s of %s is %s", kSets[i], process, value);
    count(tally, strspn(value, "0") != strlen(value) || value[0] == '\0', what);
  }
  return true;
}

void try_capabilities(const struct facts* facts) {
  (void)facts;
  struct tally tally = {0};
  each_process(look_at_capabilities, &tally);
  conclude(&tally, "sets", "/proc shows no process");
}

static bool look_at_field(const char* process, const char* field, const char* wanted, struct tally* tally) {
  char value[64];
  char what[400];
  status_field(process, field, value, sizeof value);
  snprintf(what, sizeof what, "%s, %s: %s", process, field, value);
  count(tally, strcmp(value, wanted) != 0, what);
  return true;
}

static bool look_at_new_privileges(const char* process, void* tally) {
  return look_at_field(process, "NoNewPrivs", "1", tally);
}

static bool look_at_seccomp(const char* process, void* tally) {
  return look_at_field(process, "Seccomp", "2", tally);
}

void try_new_privileges(const struct facts* facts) {
  (void)facts;
  struct tally tally = {0};
  each_process(look_at_new_privileges, &tally);
  conclude(&tally, "processes", "/proc shows no process");
}

void try_seccomp(const struct facts* facts) {
  (void)facts;
  struct tally tally = {0};
  each_process(look_at_seccomp, &tally);
  conclude(&tally, "processes", "/proc shows no process");
}

void try_identity(const struct facts* facts) {
  const char* wanted = fact(facts, "uid");
  const uid_t before = getuid();
  if (wanted && strtoul(wanted, NULL, 10) != before) {
    broken("the user in the box is %u", before);
    return;
  }
  const uid_t other = before == 0 ? 1 : 0;
  struct tally tally = {0};
  count(&tally, setgroups(0, NULL) == 0, "setgroups");
  count(&tally, setresgid(other, other, other) == 0, "setresgid");
  count(&tally, setresuid(other, other, other) == 0, "setresuid");
  conclude(&tally, "ways", "");
}

void try_namespaces(const struct facts* facts) {
  struct tally tally = {0};
  int at = 0;
  for (const char* value; (value = next_fact(facts, "namespace", &at));) {
    const size_t length = strcspn(value, ":");
    char path[80];
    char own[80] = "";
    snprintf(path, sizeof path, "/proc/self/ns/%.*s", (int)length, value);
    const ssize_t got = readlink(path, own, sizeof own - 1);
    count(&tally, got < 0 || strcmp(own, value) == 0, value);
  }
  conclude(&tally, "namespaces", "no namespace to compare");
}

/* mountinfo writes spaces and the like as \040. */
static void unescape(char* text) {
  char* to = text;
  for (const char* from = text; *from; ++to)
    if (from[0] == '\\' && from[1] && from[2] && from[3]) {
      *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 4;
    } else {
      *to = *from++;
    }
  *to = '\0';
}

/* Every mount of this namespace, deepest last, as /proc/self/mountinfo has it: take it away, and make it writable.
 */
static void attack_mounts(struct tally* tally) {
  static char text[512 * 1024];
  if (read_start("/proc/self/mountinfo", text, sizeof text) <= 0) return;
  char* rest = text;
  for (char* line; (line = strsep(&rest, "\n"));) {
    char* point = NULL;
    char* options = NULL;
    for (int field = 0; field < 6 && line; ++field) {
      char* word = strsep(&line, " ");
      if (field == 4) point = word;
      if (field == 5) options = word;
    }
    if (!point || !options) continue;
    unescape(point);
    char what[200];
    snprintf(what, sizeof what, "umount %s", point);
    count(tally, umount2(point, MNT_DETACH) == 0, what);
    if (strncmp(options, "ro", 2) != 0) continue;
    struct statvfs now;
    snprintf(what, sizeof what, "remount %s", point);
    const bool done = mount(NULL, point, NULL, MS_REMOUNT | MS_BIND, NULL) == 0;
    count(tally, done && statvfs(point, &now) == 0 && !(now.f_flag & ST_RDONLY), what);
  }
}

void try_mounts(const struct facts* facts) {
  /* Whoever runs the probe by hand, outside of a box and as root, keeps his mounts. */
  if (!has_own_namespace(facts, "mnt")) {
    untried("the mount namespace may be the host's");
    return;
  }
  struct tally tally = {0};
  count(&tally, mount("none", "/tmp", "tmpfs", 0, NULL) == 0, "a new tmpfs");
  count(&tally, mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL) == 0, "a new bind");
  attack_mounts(&tally);
  conclude(&tally, "changes", "/proc/self/mountinfo can't be read");
}

/* In a user namespace of its own a process has every capability over the mounts in it; those it came with must be
 * locked: mount_namespaces(7), "restrictions on mount namespaces". */
void try_nested_mounts(const struct facts* facts) {
  (void)facts;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    untried("this box can't make a user namespace: %s", strerror(errno));
    return;
  }
  struct tally tally = {0};
  attack_mounts(&tally);
  conclude(&tally, "changes", "/proc/self/mountinfo can't be read");
}
