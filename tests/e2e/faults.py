"""What the tests of faults share: a start under a limit either works or says why and has run nothing."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import resource
import subprocess

from network_host import NetworkHost

ECHO = ("/bin/echo", "fine")


def worked(done: subprocess.CompletedProcess, why: str) -> bool:
    """Whether the box ran `ECHO`. Where not, one message names the cause (a regular expression) and nothing has run."""
    if done.returncode == 0:
        assert done.stdout == "fine\n", done
        return True
    assert done.returncode == 125 and not done.stdout, done
    assert re.search(r"^claudebox: ", done.stderr, re.MULTILINE) and re.search(why, done.stderr), done
    assert "internal error" not in done.stderr, done
    return False


def limited(where: NetworkHost, kind: int, amount: int, *arguments: str) -> subprocess.CompletedProcess:
    """claudebox on the test's host under a resource limit."""

    def enter() -> None:
        where.enter()
        resource.setrlimit(kind, (amount, amount))

    return where.host.box(*arguments, preexec_fn=enter)


def limited_run(where: NetworkHost, kind: int, amount: int, network: str) -> subprocess.CompletedProcess:
    return limited(where, kind, amount, "run", "--yes", "--quiet", "--network", network, "--", *ECHO)


@contextlib.contextmanager
def small_disk(where: NetworkHost, path: pathlib.Path, size: str = "1m", inodes: int = 1000):
    """A file system of its own at `path`, which the test's host alone sees. Gives a function that changes its limits."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    run = where.net.run
    run("host", "mount", "-t", "tmpfs", "-o", f"mode=0700,size={size},nr_inodes={inodes}", "none", str(path))

    def remount(size: str = size, inodes: int = inodes, more: str = "rw") -> None:
        # Without what mountinfo has: an owner as the host outside numbers it.
        run("host", "mount", "--options-mode", "ignore", "-o", f"remount,{more},size={size},nr_inodes={inodes}", str(path))

    try:
        yield remount
    finally:
        run("host", "umount", "-l", str(path))
