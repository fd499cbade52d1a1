"""Every process that a test has started and what became of it, however often it forked and whatever its environment.

This process adopts the orphans of its children (PR_SET_CHILD_SUBREAPER), so that the tree below it holds them all: a
gateway with an empty environment and a slirp4netns whose parent was killed are found as well.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import signal
import time

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _parents() -> dict[int, tuple[int, str]]:
    """pid -> (parent, state) of every process that can be seen."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            state, parent = stat[stat.rindex(")") + 2:].split()[:2]
            found[int(entry)] = (int(parent), state)
    return found


def command(pid: int) -> str:
    try:
        return pathlib.Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def below(root: int, without: set[int] = frozenset()) -> dict[int, str]:
    """The living processes below `root` with their command lines, oldest first; `without` and what is below those left out."""
    parents = _parents()
    found = {}

    def belongs(pid: int) -> bool:
        while pid in parents and pid not in without:
            pid = parents[pid][0]
            if pid == root:
                return True
        return False

    for pid in sorted(parents):
        if parents[pid][1] not in "ZX" and belongs(pid):
            found[pid] = command(pid)
    return found


def reap(known: set[int]) -> None:
    """Takes the statuses of orphans that have ended. `known` are somebody else's to wait for."""
    for pid, (parent, state) in _parents().items():
        if parent == os.getpid() and state == "Z" and pid not in known:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def end(processes: dict[int, str]) -> None:
    for pid in processes:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def wait_for_none(root: int, without: set[int], seconds: float) -> dict[int, str]:
    """What is still there below `root` after at most `seconds`."""
    deadline = time.monotonic() + seconds
    while (left := below(root, without)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left
