/* The probe: a small static program that tries, inside a box, what a box promises to prevent.
 *
 * It is given facts about the host as arguments KEY=VALUE, the same key as often as needed. For each attempt it
 * prints one line, "ID<TAB>held|broken|untried<TAB>DETAIL", and at the end "end<TAB>COUNT<TAB>". only=ID limits it to
 * single attempts, list=1 prints their ids and tries nothing. With token=WORD a line "note<TAB>namespace<TAB>…" comes
 * before the end, and a process with that word in its command line is left behind for five seconds.
 *
 * Every attempt must be harmless where a promise is broken: it opens for writing and writes nothing, renames and
 * renames back, asks and does not act. It runs on the user's own machine. */
#ifndef CLAUDEBOX_PROBE_H
#define CLAUDEBOX_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* The arguments. Not changed after main has started. */
struct facts {
  int count;
  char** words;
};

/* The value of the fact `key` at or after position *at, which moves on behind it; NULL where there is none. */
const char* next_fact(const struct facts* facts, const char* key, int* at);
/* The first value of `key`, or NULL. */
const char* fact(const struct facts* facts, const char* key);

/* The result of the running attempt; the last call counts. Never return from a broken attempt with less. */
__attribute__((format(printf, 1, 2))) void held(const char* format, ...);
__attribute__((format(printf, 1, 2))) void broken(const char* format, ...);
__attribute__((format(printf, 1, 2))) void untried(const char* format, ...);

/* Counts what was tried in one attempt and remembers the first that worked. */
struct tally {
  int tried;
  int worked;
  char first[160];
};
void count(struct tally* tally, bool worked, const char* what);
/* held "0 of N WHAT", broken "K of N WHAT, such as …", untried with `nothing` where nothing was tried. */
void conclude(const struct tally* tally, const char* what, const char* nothing);

/* One system call that must fail: broken("NAME worked") where it does not. Returns its errno, or 0. */
int must_fail(long result, const char* name);

/* Calls `visit` with the path of each process that /proc shows ("/proc/12") until it returns false. */
void each_process(bool (*visit)(const char* directory, void* context), void* context);

/* Reads at most `size` - 1 bytes of a file, ended by NUL. The length, or -1. */
long read_start(const char* path, char* buffer, size_t size);

/* Whether this process has another namespace NAME than the host, as far as the facts tell. */
bool has_own_namespace(const struct facts* facts, const char* name);

typedef void attempt_function(const struct facts* facts);
attempt_function try_secrets, try_home, try_projects, try_system, try_roots, try_socket_paths;
attempt_function try_abstract_socket, try_processes, try_reach, try_programs, try_variables, try_environs,
    try_descriptors;
attempt_function try_capabilities, try_new_privileges, try_seccomp, try_namespaces, try_identity,
    try_setuid_files;
attempt_function try_proc_sys, try_proc, try_sys, try_devices, try_mounts, try_nested_mounts;
attempt_function try_terminal, try_families, try_raw, try_keyrings, try_io_uring, try_doors,
    try_foreign_calls;
attempt_function try_host_loopback, try_routes, try_protected, try_moving;
attempt_function try_dbus, try_containers, try_agents;
attempt_function try_own_addresses, try_near_addresses, try_private_addresses, try_metadata, try_slirp,
    try_ungranted;
attempt_function try_private_name, try_ungranted_name, try_name_servers;
attempt_function try_memory, try_many_processes, try_open_files, try_store;

#endif
