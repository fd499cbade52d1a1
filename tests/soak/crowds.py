#!/usr/bin/python3
"""Many boxes at once (REL-1, REL-2): crowds that all end in the same moment, each in one of the ways in which boxes end, and
storms of short boxes. None fails for want of what others have just given up, and nothing piles up. The short form is in
tests/e2e/test_soak.py.

  crowds.py [ROUNDS] [BOXES] [SHORT]        20 rounds of 32 boxes, and 2000 short ones; some minutes
"""

from __future__ import annotations

import concurrent.futures
import os
import sys

from soak_host import soak_host

from cycles import ENDS, Cycles

AT_ONCE = 16


class Crowds(Cycles):
    def __init__(self, where):
        super().__init__(where, "offline", ())  # one box can have a port
        self.started = 0

    def together(self, count: int) -> None:
        """`count` boxes, each in an instance of its own, that live at the same time and end as soon as all of them do."""
        ends = [list(ENDS)[number % len(ENDS)] for number in range(count)]
        boxes = [self.popen(end, "--instance", f"n{number}") for number, end in enumerate(ends)]
        for box, end in zip(boxes, ends):
            self.finish(box, end)
        for number, end in enumerate(ends):  # a killed one's record goes with the next start there
            if end == "kill":
                self.where.run("/bin/true", network="offline", options=("--instance", f"n{number}"))
        self.started += count

    def storm(self, count: int) -> None:
        """As many boxes that do nothing, some at a time, as fast as they come."""

        def one(_) -> str:
            done = self.where.run("/bin/true", network="offline", options=("--force",))
            return "" if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            self.problems += filter(None, pool.map(one, range(count)))
        self.started += count


def run(where, rounds: int, boxes: int, short: int, say=lambda text: None) -> Crowds:
    crowds = Crowds(where)
    crowds.together(boxes)  # makes the instances
    crowds.look()
    crowds.before = crowds.observer.picture()
    crowds.problems.clear()
    for number in range(rounds):
        crowds.together(boxes)
        crowds.look()
        say(f"{number + 1} crowds of {boxes}, {len(crowds.problems)} problems")
    crowds.storm(short)
    crowds.look()
    return crowds


def main() -> None:
    rounds, boxes, short = (*map(int, sys.argv[1:]), *(20, 32, 2000)[len(sys.argv) - 1:])
    with soak_host() as where:
        crowds = run(where, rounds, boxes, short, lambda text: print(text, flush=True))
        print(f"{rounds} crowds of {boxes} and {short} short boxes as uid {os.getuid()}, {len(crowds.problems)} problems")
        print("\n".join(crowds.problems))
    sys.exit(1 if crowds.problems else 0)


if __name__ == "__main__":
    main()
