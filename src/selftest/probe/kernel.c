/* The kernel: its files, and system calls that the filter refuses. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* nftw takes no context. */
static struct tally written;
static const char* const* allowed;

static bool is_allowed(const char* path) {
  for (const char* const* one = allowed; *one; ++one)
    if (strncmp(path, *one, strlen(*one)) == 0) return true;
  return false;
}

static int open_for_writing(const char* path, const struct stat* info, int type, struct FTW* where) {
  (void)info;
  (void)where;
  if (type != FTW_F || is_allowed(path)) return 0;
  const int file = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  count(&written, file >= 0, path);
  if (file >= 0) close(file);
  return 0;
}

static void open_all(const char* directory, const char* const* own) {
  allowed = own;
  nftw(directory, open_for_writing, 16, FTW_PHYS);
}

void try_proc_sys(const struct facts* facts) {
  (void)facts;
  /* These are the settings of the box's own pid and ipc namespaces: pid_namespaces(7), ipc_namespaces(7). */
  static const char* const kOwn[] = {"/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/pid_max",
                                     "/proc/sys/fs/mqueue/",         "/proc/sys/kernel/msg",
                                     "/proc/sys/kernel/sem",         "/proc/sys/kernel/shm",
                                     "/proc/sys/kernel/auto_msgmni", NULL};
  open_all("/proc/sys", kOwn);
  conclude(&written, "files", "/proc/sys is not there");
}

void try_proc(const struct facts* facts) {
  (void)facts;
  static const char* const kFiles[] = {"/proc/kcore",         "/proc/kmsg",      "/proc/kpageflags",
                                       "/proc/sysrq-trigger", "/proc/mtrr",      "/proc/timer_list",
                                       "/proc/acpi",          "/proc/scsi/scsi", "/proc/kallsyms"};
  static const char* const kOwn[] = {NULL};
  for (size_t i = 0; i < sizeof kFiles / sizeof *kFiles; ++i) {
    const int file = open(kFiles[i], O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    count(&written, file >= 0, kFiles[i]);
    if (file >= 0) close(file);
  }
  open_all("/proc/irq", kOwn);
  open_all("/proc/bus", kOwn);
  open_all("/proc/fs", kOwn);
  open_all("/proc/driver", kOwn);
  const int memory = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
  count(&written, memory >= 0, "reading /proc/kcore");
  conclude(&written, "files", "none of them is there");
}

void try_sys(const struct facts* facts) {
  (void)facts;
  static const char* const kOwn[] = {NULL};
  if (access("/sys", F_OK) != 0) {
    held("/sys is not there");
    return;
  }
  open_all("/sys", kOwn);
  conclude(&written, "files", "/sys is empty");
}

/* The kernel cuts the request to 32 bits: what stands above it must not get past the filter. On a descriptor that
 * is not there nothing is typed anywhere, and only the filter says EPERM. */
void try_terminal(const struct facts* facts) {
  (void)facts;
  static const unsigned long kRequests[] = {0x5412UL /* TIOCSTI */, 0x541cUL /* TIOCLINUX */};
  static const unsigned long kUpper[] = {0, 1UL << 32, 0xffffffffUL << 32};
  struct tally tally = {0};
  for (size_t request = 0; request < 2; ++request)
    for (size_t upper = 0; upper < 3; ++upper) {
      errno = 0;
      const long done = syscall(SYS_ioctl, -1L, kRequests[request] | kUpper[upper], "x");
      count(&tally, done >= 0 || errno != EPERM, request == 0 ? "TIOCSTI" : "TIOCLINUX");
    }
  conclude(&tally, "ways", "");
}

static bool opens(long family, long type, long protocol) {
  const long made = syscall(SYS_socket, family, type, protocol);
  if (made >= 0) close((int)made);
  return made >= 0;
}

void try_families(const struct facts* facts) {
  (void)facts;
  struct tally tally = {0};
  for (long family = 0; family < 64; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) continue;
    for (long type = 1; type <= 10; ++type)
      for (long upper = 0; upper < 2; ++upper) {
        char what[60];
        snprintf(what, sizeof what, "family %ld, type %ld", family, type);
        count(&tally, opens(family | upper << 32, type, 0), what);
      }
  }
  int ends[2];
  const long pair = syscall(SYS_socketpair, (long)AF_TIPC, (long)SOCK_STREAM, 0L, ends);
  count(&tally, pair == 0 || errno != EAFNOSUPPORT, "socketpair");
  conclude(&tally, "kinds of socket", "");
}

void try_raw(const struct facts* facts) {
  (void)facts;
  struct tally tally = {0};
  static const long kFamilies[] = {AF_INET, AF_INET6};
  for (size_t i = 0; i < 2; ++i) {
    for (long type = 3; type <= 15; ++type) {
      char what[60];
      snprintf(what, sizeof what, "type %ld", type);
      count(&tally, opens(kFamilies[i], type, 0) || opens(kFamilies[i], type, 1), what);
    }
    count(&tally, opens(kFamilies[i], SOCK_STREAM, 132), "SCTP");
    count(&tally, opens(kFamilies[i], SOCK_DGRAM, 136), "UDP-Lite");
    count(&tally, opens(kFamilies[i], SOCK_DGRAM, 136L | 1L << 32), "UDP-Lite");
  }
  conclude(&tally, "kinds of socket", "");
}

/* A call that the filter refuses: with arguments that make no sense to the kernel. */
struct door {
  const char* name;
  long number;
  int error;
};

static void knock(const struct door* doors, size_t length) {
  struct tally tally = {0};
  for (size_t i = 0; i < length; ++i) {
    errno = 0;
    const long done = syscall(doors[i].number, -1L, -1L, -1L, -1L, -1L, -1L);
    count(&tally, done >= 0 || errno != doors[i].error, doors[i].name);
  }
  conclude(&tally, "calls", "");
}

void try_keyrings(const struct facts* facts) {
  (void)facts;
  static const struct door kDoors[] = {{"keyctl", SYS_keyctl, ENOSYS},
                                       {"add_key", SYS_add_key, ENOSYS},
                                       {"request_key", SYS_request_key, ENOSYS}};
  knock(kDoors, sizeof kDoors / sizeof *kDoors);
}

void try_io_uring(const struct facts* facts) {
  (void)facts;
  static const struct door kDoors[] = {{"io_uring_setup", SYS_io_uring_setup, ENOSYS},
                                       {"io_uring_enter", SYS_io_uring_enter, ENOSYS},
                                       {"io_uring_register", SYS_io_uring_register, ENOSYS}};
  knock(kDoors, sizeof kDoors / sizeof *kDoors);
}

void try_doors(const struct facts* facts) {
  (void)facts;
  static const struct door kDoors[] = {{"bpf", SYS_bpf, EPERM},
                                       {"perf_event_open", SYS_perf_event_open, EACCES},
                                       {"userfaultfd", SYS_userfaultfd, ENOSYS},
                                       {"init_module", SYS_init_module, EPERM},
                                       {"finit_module", SYS_finit_module, EPERM},
                                       {"delete_module", SYS_delete_module, EPERM},
                                       {"kexec_load", SYS_kexec_load, EPERM},
                                       {"reboot", SYS_reboot, EPERM},
                                       {"swapon", SYS_swapon, EPERM},
                                       {"syslog", SYS_syslog, EPERM},
                                       {"open_by_handle_at", SYS_open_by_handle_at, EPERM}};
  knock(kDoors, sizeof kDoors / sizeof *kDoors);
}

void try_foreign_calls(const struct facts* facts) {
  (void)facts;
#ifdef __x86_64__
  errno = 0;
  if (syscall(0x40000000L + SYS_getpid) >= 0) {
    broken("x32 calls work");
    return;
  }
  const pid_t child = fork(); /* where the kernel has no 32-bit calls, the instruction is a fault */
  if (child == 0) {
    long outcome = 20; /* getpid */
    __asm__ volatile("int $0x80" : "+a"(outcome) : : "memory", "r8", "r9", "r10", "r11");
    _exit(outcome > 0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child)
    untried("fork: %s", strerror(errno));
  else if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
    broken("32-bit calls work");
  else
    held("%s", WIFSIGNALED(status) ? "this kernel has none" : "refused");
#else
  untried("this architecture has no second set of calls in a native program");
#endif
}
