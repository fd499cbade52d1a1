#!/usr/bin/python3
"""Nothing of a box survives kill -9, of whichever of its processes and at whatever moment (NET-8, REL-1): process,
namespace, device, mount, file, socket. The long form; its short form is in tests/e2e/test_soak.py.

  nothing_survives.py [LAUNCHES] [TIER]        1000 launches in the tier internet; some minutes
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

from soak_host import distribution, soak_host

import descendants
from leftovers import Observer

BODY = "setsid sleep 1000 & (sleep 1000 &) ; echo up; exec sleep 1000"
OPTIONS = {"internet": ("--publish", "3000", "--reach", "80"), "allowlist": ("--allow", "public.test", "--publish", "3000"),
           "offline": ("--publish", "3000"), "full": ()}


class Killer:
    """Starts boxes, kills, and waits until nothing is left. `gone` has for each launch the milliseconds that this took."""

    def __init__(self, where, network: str):
        self.where, self.network = where, network
        self.observer = Observer(where)
        self.gone: list[float] = []
        self.problems: list[str] = []
        warm = where.sh("true", network=network, options=OPTIONS[network])
        assert warm.returncode == 0, warm.stderr
        self.before = self.observer.picture()

    def start(self, output=subprocess.DEVNULL) -> subprocess.Popen:
        return self.where.popen("/bin/sh", "-c", BODY, network=self.network, options=OPTIONS[self.network],
                                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL)

    def wait_for_nothing(self, what: str) -> None:
        start = time.monotonic()
        left = descendants.wait_for_none(os.getpid(), self.observer.known, 0.5)
        self.gone.append((time.monotonic() - start) * 1000)
        if left:
            self.problems.append(f"{what}: after half a second {left}")
            descendants.end(left)
        descendants.reap(self.observer.known)

    def look(self) -> None:
        """Everything else than processes. What a supervisor that was killed leaves in the project and the instance, where it is
        inert, the next start takes over; so one comes first."""
        done = self.where.sh("echo fine", network=self.network, options=OPTIONS[self.network])
        if done.stdout != "fine\n" or self.where.host.git("status", "--porcelain"):
            self.problems.append(f"the instance, the port or the project is not free: {done.stderr}")
        self.problems += self.observer.left(self.before)

    def kill_supervisor_after(self, milliseconds: float) -> None:
        box = self.start()
        time.sleep(milliseconds / 1000)
        box.kill()
        box.wait()
        self.wait_for_nothing(f"supervisor killed after {milliseconds} ms")

    def kill_one_after(self, milliseconds: float, draw: random.Random) -> None:
        """Any process that is there then. What lives on is killed by its supervisor's end."""
        box = self.start()
        time.sleep(milliseconds / 1000)
        below = list(descendants.below(box.pid))
        if below:
            self.signal(draw.choice(below))
        time.sleep(draw.uniform(0, 0.02))
        box.kill()
        box.wait()
        self.wait_for_nothing(f"a process killed after {milliseconds} ms")

    def kill_each_of_a_running_box(self) -> int:
        """One box for each process. How many there were."""
        victim = 0
        while True:
            box = self.start(subprocess.PIPE)
            box.stdout.readline()
            processes = [box.pid, *descendants.below(box.pid)]
            command = "" if victim >= len(processes) else descendants.command(processes[victim])
            if victim < len(processes):
                self.signal(processes[victim])
                time.sleep(0.02)
            box.kill()
            box.communicate()
            self.wait_for_nothing(f"killed while it ran: {command}")
            if victim >= len(processes):
                return victim
            victim += 1

    @staticmethod
    def signal(pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def run(where, network: str, launches: int, say=lambda text: None) -> Killer:
    """About `launches` launches. Every fifth has another process than the supervisor killed; after every 200 it looks."""
    killer, draw = Killer(where, network), random.Random(20261124)
    processes = killer.kill_each_of_a_running_box()
    say(f"each of {processes} processes of a running box killed in turn")
    while len(killer.gone) < launches:
        number = len(killer.gone)
        # Whole milliseconds 0 to 40 in turn, with a fraction, so that a round is not the same moments again.
        moment = number * 7 % 41 + draw.random()
        killer.kill_one_after(moment, draw) if number % 5 == 4 else killer.kill_supervisor_after(moment)
        if len(killer.gone) % 200 == 0:
            killer.look()
            say(f"{len(killer.gone)} launches, {len(killer.problems)} problems")
    killer.look()
    return killer


def main() -> None:
    launches, network = int((sys.argv[1:] or ["1000"])[0]), (sys.argv[2:] or ["internet"])[0]
    with soak_host() as where:
        killer = run(where, network, launches, lambda text: print(text, flush=True))
        print(f"{len(killer.gone)} launches in {network} as uid {os.getuid()}, {len(killer.problems)} problems")
        print(f"milliseconds from the supervisor's end until no process was left: {distribution(killer.gone)}")
        print("looked at: " + ", ".join(f"{what} ({len(value) if isinstance(value, (list, dict)) else value})"
                                        for what, value in killer.before.items()))
        print("\n".join(killer.problems))
    sys.exit(1 if killer.problems else 0)


if __name__ == "__main__":
    main()
