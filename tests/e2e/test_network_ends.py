"""Nothing of a box's network outlives it, and what dies before it is replaced (NET-8, REL-1). The fixture `where` fails
whatever leaves a process behind."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

import descendants
from network_host import net, where  # noqa: F401
from testnet import LAN4, OTHER4, PUBLIC4

TALK = """
import errno, socket, sys
print("up", flush=True)
for line in sys.stdin:
    address = line.strip()
    try: socket.create_connection((address, 80), 2).close(); print("connected", flush=True)
    except socket.gaierror: print("no name", flush=True)
    except OSError as error: print(errno.errorcode.get(error.errno, "timeout"), flush=True)
"""

# What is below claudebox, by a word of its command line; True where the box lives on without it.
PARTS = {"slirp4netns": True, "__gateway": True, "claudebox run": True, "bwrap": False, "TALK": False}


def part_of(command: str) -> str:
    return next(part for part in PARTS if part in command)


def files_in_tmp() -> set[str]:
    """Others use it as well."""
    return {name for name in os.listdir("/tmp") if "claudebox" in name or "slirp" in name}


class Talker:
    """A box whose command connects wherever it is told to."""

    def __init__(self, where, **more):
        self.where = where
        self.box = where.popen("/usr/bin/python3", "-u", "-c", TALK + "# TALK", stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
        assert self.box.stdout.readline() == "up\n", self.box.stderr.read()

    def processes(self) -> dict[int, str]:
        return descendants.below(self.box.pid)

    def pid_of(self, what: str) -> int:
        """Of the part, which may be about to be replaced."""
        deadline = time.monotonic() + 5
        while not (found := [pid for pid, command in self.processes().items() if what in command]):
            assert time.monotonic() < deadline and self.box.poll() is None, f"no {what}"
            time.sleep(0.01)
        return found[0]

    def ask(self, address: str) -> str:
        self.box.stdin.write(f"{address}\n")
        self.box.stdin.flush()
        return self.box.stdout.readline().strip()

    def ask_until(self, address: str, wanted: str) -> None:
        deadline = time.monotonic() + 15
        while (got := self.ask(address)) != wanted:
            assert time.monotonic() < deadline, got

    def kill(self, what: str) -> None:
        """Returns when it is gone."""
        pid = self.pid_of(what)
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while pid in self.processes():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def close(self) -> str:
        """Ends the box; what it said on standard error."""
        if self.box.poll() is None:
            self.box.stdin.close()
            self.box.wait(20)
        return self.box.stderr.read()


@pytest.fixture
def talker(where):
    made = Talker(where)
    yield made
    made.close()


def test_an_end_leaves_nothing(talker):
    assert talker.ask(PUBLIC4) == "connected"
    talker.close()
    assert talker.box.returncode == 0
    assert not descendants.below(talker.box.pid)


@pytest.mark.parametrize("name, status", [("TERM", 143), ("HUP", 129), ("INT", 130), ("KILL", -9)])
def test_a_signal_ends_the_box_and_its_network(where, name, status):
    talker = Talker(where, network="internet", options=("--publish", "3000", "--reach", "8080"))
    assert talker.ask(PUBLIC4) == "connected"
    talker.box.send_signal(getattr(signal, f"SIG{name}"))
    # An interpreter that is interrupted says so and has a status of its own.
    assert talker.box.wait(15) in (status, 1 if name == "INT" else status)


def test_kill_9_of_any_process_leaves_nothing_or_a_box_that_lives(where):
    """Every one of them in turn, the forwarder included: the order is that of their start."""
    victim = 0
    while True:
        talker = Talker(where, options=("--publish", "3000", "--reach", "80"))
        processes = talker.processes()
        assert {part_of(command) for command in processes.values()} == set(PARTS)
        if victim == len(processes):
            break
        pid, command = list(processes.items())[victim]
        os.kill(pid, signal.SIGKILL)
        if PARTS[part_of(command)]:
            talker.ask_until(PUBLIC4, "connected")
            talker.ask_until("127.0.0.1", "connected")
        else:
            assert talker.box.wait(10) != 0, command
        talker.close()
        left = descendants.wait_for_none(os.getpid(), {where.net.world.pid}, 0.5)
        assert not left, (command, left)
        victim += 1
    talker.close()


@pytest.mark.parametrize("what", ["__gateway", "slirp4netns"])
def test_a_part_that_dies_is_replaced_and_the_box_lives_on(talker, what):
    assert talker.ask(PUBLIC4) == "connected"
    for _ in range(3):
        before = talker.pid_of(what)
        talker.kill(what)
        assert talker.ask(LAN4) != "connected"
        talker.ask_until(PUBLIC4, "connected")
        assert talker.pid_of(what) != before
        assert talker.ask(LAN4) == "EHOSTUNREACH", "denied stays denied"
        assert talker.ask("public.test") == "connected", "names are answered as before"
    talker.close()
    incidents = [event["reason"] for event in talker.where.log()["events"] if event["kind"] == "incident"]
    assert len(incidents) == 3, incidents


def test_grants_outlive_the_gateway_that_gave_them(where):
    talker = Talker(where, network="allowlist", options=("--allow", "public.test"))
    assert talker.ask(PUBLIC4) == "EHOSTUNREACH"
    assert talker.ask("public.test") == "connected"
    talker.kill("__gateway")
    talker.ask_until(PUBLIC4, "connected")
    assert talker.ask(OTHER4) == "EHOSTUNREACH"
    assert talker.ask("other.test") == "no name"
    talker.close()


def test_ports_outlive_the_gateway_and_slirp4netns(where):
    talker = Talker(where, options=("--reach", "80",))
    for what in ("__gateway", "slirp4netns"):
        talker.kill(what)
        assert talker.ask("127.0.0.1") == "connected"
    talker.close()


def test_a_network_that_dies_again_and_again_ends_the_box(where):
    talker = Talker(where)
    with contextlib.suppress(AssertionError, ProcessLookupError):
        for _ in range(12):
            os.kill(talker.pid_of("slirp4netns"), signal.SIGKILL)
            time.sleep(0.3)
    assert talker.box.wait(10) == 125
    assert "within a minute" in talker.close()


@pytest.mark.parametrize("who", ["__gateway", "supervisor", "slirp4netns"])
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


def test_what_the_host_gains_while_the_gateway_is_stopped_is_denied_when_it_goes_on(talker, net):
    """The packets that have waited are judged by what holds then."""
    gateway = talker.pid_of("__gateway")
    os.kill(gateway, signal.SIGSTOP)
    try:
        with net.changed("addr add 45.70.0.1/16 dev lan0", undo=("addr del 45.70.0.1/16 dev lan0",)):
            net.forget()
            talker.box.stdin.write("45.70.0.8\n")
            talker.box.stdin.flush()
            time.sleep(0.3)
            os.kill(gateway, signal.SIGCONT)
            assert talker.box.stdout.readline() == "EHOSTUNREACH\n"
            assert not [packet for packet in net.packets() if packet[1] == "45.70.0.8"]
    finally:
        os.kill(gateway, signal.SIGCONT)


def test_launches_that_are_killed_at_any_moment_leave_nothing(where):
    """Of the supervisor, in the first 40 milliseconds: most of them are in the middle of something then."""
    draw = random.Random(20261124)
    for _ in range(60):
        box = where.popen("/bin/sh", "-c", "setsid sleep 1000 & sleep 1000", stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, options=("--publish", "3000"))
        time.sleep(draw.uniform(0.0, 0.04))
        box.kill()
        box.wait(10)
    left = descendants.wait_for_none(os.getpid(), {where.net.world.pid}, 0.5)
    assert not left
    assert where.sh("echo fine", options=("--publish", "3000")).stdout == "fine\n", "the port and the instance are free"


def test_launches_whose_parts_are_killed_at_any_moment_end(where):
    """One of claudebox's children dies while the others start: the box comes up, or fails and says why. It never hangs. 137 is
    the command's own end where the signal has met that."""
    draw = random.Random(4)
    for _ in range(25):
        box = where.popen("/bin/sh", "-c", "exit 7", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
        time.sleep(draw.uniform(0.002, 0.04))
        below = list(descendants.below(box.pid))
        if below:
            try:
                os.kill(draw.choice(below), signal.SIGKILL)
            except ProcessLookupError:
                pass
        error = box.communicate(timeout=20)[1]
        assert box.returncode in (7, 137) or error, f"{box.returncode} without a word"
        left = descendants.wait_for_none(os.getpid(), {where.net.world.pid}, 0.5)
        assert not left


def test_starts_and_ends_let_nothing_grow(where):
    """Mounts, files below the home and in /tmp (REL-2); records of sessions apart, which are kept to a number."""

    def picture() -> tuple:
        files = {str(path.relative_to(where.host.home)) for path in where.host.home.rglob("*")
                 if "sessions" not in path.parts}
        return len(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()), files, files_in_tmp()

    assert where.sh("true").returncode == 0
    before = picture()
    for _ in range(8):
        assert where.sh("true").returncode == 0
    assert picture() == before
