"""A command that sleeps inside some tool, seen from outside: found by its words, and everything that the tool started for
it, also what left the tool's own tree of processes (it kept a variable)."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import time

from host import Host
from memory import tree
from tools import Tool

MARK = "CLAUDEBOX_BENCH_MARK"


def processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def content(pid: int, name: str) -> bytes:
    """Of a file in /proc; nothing where that is gone or closed to us."""
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def wait_until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def with_variable(name: str, value: str) -> set[int]:
    entry = f"{name}={value}".encode()
    return {pid for pid in processes() if entry in content(pid, "environ").split(b"\0")}


def kill(pids: set[int]) -> None:
    """By their numbers, and only what was seen just now: the numbers of dead ones may be taken again."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass  # it went meanwhile, or is root's


class Payload:
    """From `with` on it runs in the tool; afterwards nothing of the two is left."""

    def __init__(self, host: Host, tool: Tool):
        self.mark = f"{random.randrange(10**9, 10**10)}"
        self.command = ["/bin/sleep", f"60.{self.mark}"]
        case = tool.case(host, self.command)
        environment = dict(entry.split("=", 1) for entry in case["environment"]) | {MARK: self.mark}
        self.tool = subprocess.Popen([*host.prefix, *case["argv"]], env=environment, cwd=case["directory"], start_new_session=True,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> "Payload":
        self.started = wait_until(self.sleeping, 20)
        return self

    def sleeping(self) -> list[int]:
        words = "\0".join(self.command).encode() + b"\0"
        return [pid for pid in processes() if content(pid, "cmdline") == words]

    def around(self) -> set[int]:
        """The tool's processes, without the command."""
        found = set(tree(self.tool.pid)) | with_variable(MARK, self.mark)
        return found - set(self.sleeping())

    def __exit__(self, *_) -> None:
        self.tool.terminate()
        try:
            self.tool.wait(3)
        except subprocess.TimeoutExpired:
            pass
        kill(self.around() | set(self.sleeping()))
        self.tool.wait()
