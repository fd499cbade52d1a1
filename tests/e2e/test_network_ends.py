"""Nothing of a box's network outlives it, and what dies before it is replaced (NET-8)."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from network_host import net, where  # noqa: F401
from testnet import LAN4, PUBLIC4

TALK = f"""
import errno, socket, sys
print("up", flush=True)
for line in sys.stdin:
    address = line.strip()
    try: socket.create_connection((address, 80), 2).close(); print("connected", flush=True)
    except OSError as error: print(errno.errorcode.get(error.errno, "timeout"), flush=True)
"""


def stat_of(pid: int) -> list[str]:
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def descendants(pid: int) -> dict[int, str]:
    """Every process below `pid`, with its command line."""
    found, parents = {}, {pid}
    while True:
        more = {}
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and int(entry) not in found and int(stat_of(int(entry))[1]) in parents:
                    more[int(entry)] = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                pass
        if not more:
            return found
        found |= more
        parents |= set(more)


def alive(pid: int) -> bool:
    try:
        return stat_of(pid)[0] not in "ZX"
    except OSError:
        return False


def gone(pids, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(alive, pids))


class Talker:
    def __init__(self, where):
        self.box = where.popen("/usr/bin/python3", "-u", "-c", TALK, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        assert self.box.stdout.readline() == "up\n", self.box.stderr.read()
        self.processes = descendants(self.box.pid)

    def pid_of(self, what: str) -> int:
        return next(pid for pid, command in sorted(descendants(self.box.pid).items()) if what in command)

    def ask(self, address: str) -> str:
        self.box.stdin.write(f"{address}\n")
        self.box.stdin.flush()
        return self.box.stdout.readline().strip()

    def ask_until(self, address: str, wanted: str) -> None:
        deadline = time.monotonic() + 15
        while (got := self.ask(address)) != wanted:
            assert time.monotonic() < deadline, got

    def close(self) -> None:
        if self.box.poll() is None:
            self.box.stdin.close()
            self.box.wait(20)


@pytest.fixture
def talker(where):
    made = Talker(where)
    yield made
    made.close()
    assert gone(made.processes), "left behind"


def test_an_end_leaves_nothing(where):
    talker = Talker(where)
    assert talker.ask(PUBLIC4) == "connected"
    talker.close()
    assert talker.box.returncode == 0
    assert gone(talker.processes)
    assert any("__gateway" in command for command in talker.processes.values())
    assert any("slirp4netns" in command for command in talker.processes.values())


@pytest.mark.parametrize("what", ["__gateway", "slirp4netns"])
def test_a_part_that_dies_is_replaced_and_the_box_lives_on(talker, where, what):
    assert talker.ask(PUBLIC4) == "connected"
    for _ in range(3):
        before = talker.pid_of(what)
        os.kill(before, signal.SIGKILL)
        assert gone([before])
        assert talker.ask(LAN4) != "connected"
        talker.ask_until(PUBLIC4, "connected")
        assert talker.pid_of(what) != before
        assert talker.ask(LAN4) == "EHOSTUNREACH", "denied stays denied"
    talker.processes |= descendants(talker.box.pid)


def test_a_network_that_dies_again_and_again_ends_the_box(where):
    talker = Talker(where)
    for _ in range(12):
        try:
            os.kill(talker.pid_of("slirp4netns"), signal.SIGKILL)
        except (StopIteration, ProcessLookupError):
            pass
        time.sleep(0.3)
        if talker.box.poll() is not None:
            break
    assert talker.box.wait(10) == 125
    assert "within a minute" in talker.box.stderr.read()
    assert gone(talker.processes)


@pytest.mark.parametrize("who", ["__gateway", "supervisor"])
def test_a_stopped_part_lets_nothing_through(talker, net, who):
    assert talker.ask(PUBLIC4) == "connected"
    net.forget()
    pid = talker.box.pid if who == "supervisor" else talker.pid_of(who)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert talker.ask(LAN4) in ("EHOSTUNREACH", "timeout")
        assert not net.contacts()
    finally:
        os.kill(pid, signal.SIGCONT)
    talker.ask_until(PUBLIC4, "connected")


def test_the_supervisor_s_death_takes_everything_along(where):
    talker = Talker(where)
    os.kill(talker.box.pid, signal.SIGKILL)
    talker.box.wait(10)
    assert gone(talker.processes, 2.0)


def test_a_box_s_death_takes_its_network_along(where):
    talker = Talker(where)
    outer = min(pid for pid, command in talker.processes.items() if "bwrap" in command)
    os.kill(outer, signal.SIGKILL)
    assert talker.box.wait(10) == 137
    assert gone(talker.processes, 2.0)


def test_launches_that_are_killed_at_any_moment_leave_nothing(where):
    seen: set[int] = set()
    for round_number in range(60):
        box = where.popen("sleep", "1000", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.0, 0.08))
        seen |= set(descendants(box.pid))
        os.kill(box.pid, signal.SIGKILL)
        box.wait(10)
    assert gone(seen, 3.0)
    left = [p for p in os.listdir("/proc") if p.isdigit() and b"claudebox\0__gateway" in read(p) and parent_is_init(p)]
    assert not left


def read(pid: str) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def parent_is_init(pid: str) -> bool:
    try:
        return stat_of(int(pid))[1] == "1"
    except OSError:
        return False


