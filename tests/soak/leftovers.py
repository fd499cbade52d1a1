"""What a box could leave behind, as one picture of a host in the test network: taken before and after, and compared.

  processes    below this one, which adopts every orphan (descendants.py)
  counted      namespaces of every kind, as the kernel counts them for the test network's user namespace, so that one is found that
               no process, descriptor or mount shows. For an ordinary user only: root's are counted machine-wide.
  inotify      instances, as the kernel counts them for the same user namespace: of a process, and of none that is left
  held         namespaces that a process below this one, or a mount, keeps
  descriptors  of this process
  devices      of the host's network
  mounts       of the host and of this process
  files        below the home, records of sessions apart, which are kept to a number; what names claudebox or slirp
               where everybody may write; the runtime directory
  sockets      of the host's network: all kinds, without those that TCP keeps for a while after their end
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import re
import socket
import sys
import time

import descendants

KINDS = {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000, "mnt": 0x00020000, "ipc": 0x08000000, "uts": 0x04000000,
         "cgroup": 0x02000000}
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/run")
TCP_AFTERLIFE = {"04", "05", "06", "07", "09", "0B"}  # FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, LAST_ACK, CLOSING


# --- on the host: this file as a program ----------------------------------------------------------------------------------


def count(kind: str, make_one) -> int:
    """How many the kernel counts for this user namespace. The limit is raised until one more is granted."""
    path = f"/proc/sys/user/max_{kind}"
    limit = pathlib.Path(path).read_text()
    try:
        for used in range(2000):
            pathlib.Path(path).write_text(str(used + 1))
            child = os.fork()
            if child == 0:
                os._exit(0 if make_one() >= 0 else 1)
            if os.waitpid(child, 0)[1] == 0:
                return used
    finally:
        pathlib.Path(path).write_text(limit)
    return -1


def counted_by_kernel() -> dict[str, int]:
    libc = ctypes.CDLL(None)
    found = {kind: count(f"{kind}_namespaces", lambda: libc.unshare(flag)) for kind, flag in KINDS.items()}
    return {**found, "inotify": count("inotify_instances", lambda: libc.inotify_init1(0))}


def sockets() -> list[str]:
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp", "icmp6", "packet", "netlink", "unix"):
        try:
            lines = pathlib.Path("/proc/net", kind).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if kind.startswith(("tcp", "udp")) and (words[3] not in TCP_AFTERLIFE or kind.startswith("udp")):
                found.append(f"{kind} {words[1]} {words[2]} {words[3]}")
            elif kind == "unix":
                found.append(f"unix {' '.join(words[4:6])} {' '.join(words[7:])}")
            elif kind == "netlink" and words[2] != "0":  # not the kernel's, and not the one of whoever asks
                found.append(f"netlink {words[1]} {words[3]}")
            elif kind == "packet" or kind.startswith(("raw", "icmp")):
                found.append(f"{kind} {words[2]}")
    return sorted(found)


def of_host(counted: bool) -> dict:
    return {
        "counted": counted_by_kernel() if counted else {},
        "devices": sorted(line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line),
        "mounts": sorted(line.split(" - ")[0].split(" ", 3)[3] for line in open("/proc/self/mountinfo")),
        "sockets": sockets(),
    }


# --- in the test ------------------------------------------------------------------------------------------------------------


def held_namespaces(known: set[int]) -> set[str]:
    """Of processes below this one, and of mounts here."""
    found = {line.split()[3] for line in open("/proc/self/mountinfo") if " nsfs " in line}
    for pid in descendants.below(os.getpid(), known):
        for directory in ("ns", "fd"):
            try:
                links = [os.readlink(f"/proc/{pid}/{directory}/{name}") for name in os.listdir(f"/proc/{pid}/{directory}")]
            except OSError:
                continue
            found |= {f"{pid} {link}" for link in links if link.split(":")[0] in KINDS}
    return found


class Observer:
    """Takes pictures of the host of `where`. `known` are processes that belong there."""

    def __init__(self, where):
        self.where = where
        self.known = {where.net.world.pid}
        self.counted = "user" in where.net.fds
        self.runtime = where.host.root / "runtime"
        self.runtime.mkdir(mode=0o700)
        where.host.env["XDG_RUNTIME_DIR"] = str(self.runtime)

    def processes(self) -> dict[int, str]:
        return descendants.below(os.getpid(), self.known)

    def files(self) -> list[str]:
        home = [str(path) for path in self.where.host.root.rglob("*") if "sessions" not in path.parts]
        shared = [f"{directory}/{name}" for directory in SHARED if os.path.isdir(directory) for name in os.listdir(directory)
                  if re.search("claudebox|slirp", name) and not re.match("claudebox-(bench|test)", name)]  # of other tests
        return sorted(home + shared)

    def left(self, before: dict) -> list[str]:
        """What is there and was not in the picture `before`. The kernel takes a network apart, and collects sockets that nobody can
        reach, some time after their end."""
        deadline = time.monotonic() + 10
        while (found := difference(before, self.picture())) and time.monotonic() < deadline:
            for end in socket.socketpair():  # the kernel's collector of such sockets runs when one is closed
                end.close()
            time.sleep(0.2)
        return found

    def picture(self) -> dict:
        script = f"import sys, json; sys.path[:0] = {sys.path!r}; import leftovers; print(json.dumps(leftovers.of_host({self.counted})))"
        done = self.where.net.run("host", sys.executable, "-B", "-c", script)
        return {**json.loads(done.stdout), "processes": sorted(self.processes().values()), "files": self.files(),
                "held": sorted(held_namespaces(self.known)), "descriptors": len(os.listdir("/proc/self/fd")), "own mounts": len(open("/proc/self/mountinfo").readlines())}


def difference(before: dict, after: dict) -> list[str]:
    """What is in `after` and was not in `before`, in words."""
    found = []
    for what, old in before.items():
        new = after[what]
        if isinstance(new, list):
            rest = list(old)
            for each in new:
                if each in rest:
                    rest.remove(each)
                else:
                    found.append(f"{what}: {each}")
        elif isinstance(new, dict):
            found += [f"{what}: {kind} {old[kind]} -> {new[kind]}" for kind in new if new[kind] > old[kind]]
        elif new > old:
            found.append(f"{what}: {old} -> {new}")
    return found
