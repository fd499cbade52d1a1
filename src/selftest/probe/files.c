/* Files, directories and sockets of the host. A fact is DEVICE:INODE:PATH: what the host has there. That the box
 * has something at the same path is no breach, the same device and inode is. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

/* Whether `prefix` + the fact's path is the host's very file. *path points into the fact. */
static bool is_the_hosts(const char* value, const char* prefix, const char** path) {
  char* end = NULL;
  const unsigned long long device = strtoull(value, &end, 10);
  if (*end != ':') return false;
  const unsigned long long inode = strtoull(end + 1, &end, 10);
  if (*end != ':') return false;
  *path = end + 1;
  char full[PATH_MAX + 64];
  snprintf(full, sizeof full, "%s%s", prefix, *path);
  struct stat info;
  return stat(full, &info) == 0 && info.st_dev == device && info.st_ino == inode;
}

static void look_for(const struct facts* facts, const char* key, const char* what, const char* nothing) {
  struct tally tally = {0};
  int at = 0;
  for (const char* value; (value = next_fact(facts, key, &at));) {
    const char* path = "";
    const bool there = is_the_hosts(value, "", &path);
    count(&tally, there, path);
  }
  conclude(&tally, what, nothing);
}

void try_secrets(const struct facts* facts) {
  look_for(facts, "secret", "places", "your home has none of the known ones");
}

void try_home(const struct facts* facts) {
  look_for(facts, "home", "entries", "your home has no others");
}

void try_projects(const struct facts* facts) {
  look_for(facts, "beside", "neighbours", "the project has no neighbours");
}

void try_system(const struct facts* facts) {
  look_for(facts, "system", "places", "the machine has none of them");
}

static const char* const kPathKeys[] = {"secret", "home",       "beside", "system",
                                        "dbus",   "containers", "agent",  "socket"};

struct search {
  const struct facts* facts;
  struct tally tally;
};

/* Magic links lead past the path: a process that kept the host's root or directory would give it away. */
static bool look_through(const char* directory, void* context) {
  struct search* search = context;
  static const char* const kDoors[] = {"root", "cwd"};
  for (size_t door = 0; door < 2; ++door)
    for (size_t key = 0; key < sizeof kPathKeys / sizeof *kPathKeys; ++key) {
      char prefix[PATH_MAX];
      /* From a working directory the root is reached by going up more often than any path is deep. */
      snprintf(prefix, sizeof prefix, "%s/%s%s", directory, kDoors[door],
               door == 0 ? "" : "/../../../../../../../../../../../../../../../..");
      int at = 0;
      for (const char* value; (value = next_fact(search->facts, kPathKeys[key], &at));) {
        const char* path = "";
        const bool there = is_the_hosts(value, prefix, &path);
        count(&search->tally, there, prefix);
      }
    }
  return true;
}

void try_roots(const struct facts* facts) {
  struct search search = {.facts = facts};
  each_process(look_through, &search);
  conclude(&search.tally, "paths", "no path to try");
}

static bool connects(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return false;
  strcpy(address.sun_path, path);
  static const int kTypes[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
  for (size_t i = 0; i < 3; ++i) {
    const int client = socket(AF_UNIX, kTypes[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client < 0) continue;
    const bool ok = connect(client, (const struct sockaddr*)&address, sizeof address) == 0;
    close(client);
    if (ok) return true;
  }
  return false;
}

static void look_for_sockets(const struct facts* facts, const char* key, const char* nothing) {
  struct tally tally = {0};
  int at = 0;
  for (const char* value; (value = next_fact(facts, key, &at));) {
    const char* path = "";
    const bool there = is_the_hosts(value, "", &path) || connects(path);
    count(&tally, there, path);
  }
  conclude(&tally, "sockets", nothing);
}

void try_dbus(const struct facts* facts) {
  look_for_sockets(facts, "dbus", "the host has no D-Bus");
}

void try_containers(const struct facts* facts) {
  look_for_sockets(facts, "containers", "the host has none of them");
}

void try_agents(const struct facts* facts) {
  look_for_sockets(facts, "agent", "you run no agent");
}

void try_socket_paths(const struct facts* facts) {
  look_for_sockets(facts, "socket", "the host shows no others");
}

void try_abstract_socket(const struct facts* facts) {
  const char* name = fact(facts, "abstract");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!name || strlen(name) >= sizeof address.sun_path - 1) {
    untried("no abstract socket to try");
    return;
  }
  memcpy(address.sun_path + 1, name, strlen(name));
  const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int error = must_fail(connect(client, (const struct sockaddr*)&address, length), "connecting");
  if (error == EPERM)
    held("Landlock refuses it");
  else if (error == ECONNREFUSED)
    held("the network namespace has no such name");
  else if (error != 0)
    untried("%s", strerror(error));
}

/* A file system that honours set-user-ID bits, in a process that may gain privileges, is a way up. */
void try_setuid_files(const struct facts* facts) {
  (void)facts;
  static const char* const kPrograms[] = {"/usr/bin/su",    "/usr/bin/sudo",   "/usr/bin/passwd",
                                          "/usr/bin/mount", "/usr/bin/newgrp", "/usr/bin/pkexec",
                                          "/bin/su",        "/usr/bin/chsh"};
  struct tally tally = {0};
  for (size_t i = 0; i < sizeof kPrograms / sizeof *kPrograms; ++i) {
    struct stat info;
    struct statvfs system;
    if (stat(kPrograms[i], &info) != 0 || !(info.st_mode & S_ISUID)) continue;
    count(&tally, statvfs(kPrograms[i], &system) != 0 || !(system.f_flag & ST_NOSUID), kPrograms[i]);
  }
  conclude(&tally, "programs", "there are no set-user-ID programs");
}

/* Only what --dev makes: no disk, no memory, no other terminal. */
void try_devices(const struct facts* facts) {
  (void)facts;
  static const char* const kDevices[] = {
      "/dev/mem",           "/dev/kmsg",   "/dev/port",    "/dev/kvm",         "/dev/fuse",
      "/dev/net/tun",       "/dev/sda",    "/dev/vda",     "/dev/nvme0n1",     "/dev/loop0",
      "/dev/dm-0",          "/dev/tty1",   "/dev/console", "/dev/input/mice",  "/dev/dri/card0",
      "/dev/snd/controlC0", "/dev/uinput", "/dev/vsock",   "/dev/userfaultfd", "/dev/disk"};
  struct tally tally = {0};
  for (size_t i = 0; i < sizeof kDevices / sizeof *kDevices; ++i) {
    const int device = open(kDevices[i], O_PATH | O_CLOEXEC);
    /* bwrap puts the terminal itself at /dev/console; that one is the user's own. */
    struct stat info;
    const bool own_terminal =
        device >= 0 && fstat(device, &info) == 0 && major(info.st_rdev) >= 136 && major(info.st_rdev) <= 143;
    count(&tally, device >= 0 && !own_terminal, kDevices[i]);
    if (device >= 0) close(device);
  }
  const dev_t null_device = makedev(1, 3);
  const int made = mknod("/tmp/claudebox-selftest-node", S_IFCHR | 0600, null_device);
  if (made == 0) unlink("/tmp/claudebox-selftest-node");
  count(&tally, made == 0, "mknod");
  conclude(&tally, "devices", "");
}
