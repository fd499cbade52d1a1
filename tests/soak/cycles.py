#!/usr/bin/python3
"""Nothing piles up over many starts and ends (REL-1, REL-2): process, namespace, mount, descriptor, device, file, socket,
inotify instance. Unlike nothing_survives.py the boxes do what boxes do, and end in each of the ways in which they do. The
short form is in tests/e2e/test_soak.py.

  cycles.py [CYCLES] [TIER]        1000 cycles in the tier internet; some minutes
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from soak_host import distribution, soak_host

import descendants
from leftovers import Observer
from nothing_survives import OPTIONS

# What it opens, watches, leaves in the background and in memory that is shared is the box's own, and goes with it.
BODY = """
setsid sleep 1000 &
echo kept >~/kept; echo built >built; echo shared >/dev/shm/shared; mkfifo /tmp/fifo; exec 9<>/tmp/fifo
git status --porcelain >/dev/null
"""
ENDS = {
    "exit": "exit 7",
    "stop": "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done",
    "kill": "echo up; sleep 1000",
    "crash": "echo up; kill -SEGV $$",
}
EXPECTED = {"exit": 7, "stop": 9, "kill": -signal.SIGKILL, "crash": 128 + signal.SIGSEGV}


class Cycles:
    """Starts boxes and ends them. `times` has the milliseconds of each cycle."""

    def __init__(self, where, network: str, options: tuple[str, ...] | None = None):
        self.where, self.network = where, network
        self.options = OPTIONS[network] if options is None else options
        self.observer = Observer(where)
        self.times: list[float] = []
        self.problems: list[str] = []
        for end in ENDS:  # what a first start makes, each of them finds from then on
            self.one(end)
        self.before = self.observer.picture()
        self.times.clear()

    def popen(self, end: str, *options: str) -> subprocess.Popen:
        return self.where.popen("/bin/sh", "-c", BODY + ENDS[end], network=self.network, options=(*self.options, *options),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, box: subprocess.Popen, end: str) -> None:
        if end in ("stop", "kill") and box.stdout.readline():
            box.send_signal(signal.SIGTERM if end == "stop" else signal.SIGKILL)
        said = box.communicate(timeout=60)[1]
        if box.returncode != EXPECTED[end]:
            self.problems.append(f"cycle {len(self.times)}, {end}: exit {box.returncode}: {said}")

    def one(self, end: str) -> None:
        begin = time.monotonic()
        self.finish(self.popen(end), end)
        self.times.append((time.monotonic() - begin) * 1000)

    def look(self) -> None:
        """A start comes first: what a killed supervisor leaves, inert, in the project and the instance, it takes over."""
        self.one("exit")
        left = descendants.wait_for_none(os.getpid(), self.observer.known, 0.5)
        descendants.reap(self.observer.known)
        if left:
            self.problems.append(f"after half a second {left}")
        self.problems += self.observer.left(self.before)


def run(where, network: str, count: int, say=lambda text: None) -> Cycles:
    """`count` cycles, one after the other; it looks ten times."""
    cycles = Cycles(where, network)
    for number in range(count):
        cycles.one(list(ENDS)[number % len(ENDS)])
        if (number + 1) % max(1, count // 10) == 0:
            cycles.look()
            say(f"{number + 1} cycles, {len(cycles.problems)} problems")
    return cycles


def main() -> None:
    count, network = int((sys.argv[1:] or ["1000"])[0]), (sys.argv[2:] or ["internet"])[0]
    with soak_host() as where:
        cycles = run(where, network, count, lambda text: print(text, flush=True))
        print(f"{count} cycles in {network} as uid {os.getuid()}, {len(cycles.problems)} problems")
        print(f"milliseconds of a cycle: {distribution(cycles.times)}")
        print("looked at: " + ", ".join(f"{what} ({len(value) if isinstance(value, (list, dict)) else value})"
                                        for what, value in cycles.before.items()))
        print("\n".join(cycles.problems))
    sys.exit(1 if cycles.problems else 0)


if __name__ == "__main__":
    main()
