"""Memory (PSS) of a box's processes beside its command, by the part they play."""

from __future__ import annotations

import pathlib
import subprocess
import time

from figures import Report
from host import Host


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid] + [below for child in children for below in tree(int(child))]


def part_of(pid: int) -> str:
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "gone"
    name = pathlib.PurePath(words[0].decode()).name
    if name == "claudebox":
        return "gateway" if b"__gateway" in words else "supervisor"
    return name if name in ("bwrap", "slirp4netns") else "command"


def pss_mb(pid: int) -> float | None:
    """None: not ours to see, as bwrap is not for an ordinary user."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), None)


def by_part(pids: list[int]) -> dict[str, float]:
    """Megabytes of the trees below `pids`. A part of which nothing can be seen is left out."""
    found: dict[str, float] = {}
    for pid in (below for pid in pids for below in tree(pid)):
        if (size := pss_mb(pid)) is not None:
            part = part_of(pid)
            found[part] = found.get(part, 0.0) + size
    found.pop("command", None)
    found.pop("gone", None)
    return found


def measure(host: Host, report: Report, tiers: list[str]) -> None:
    report.section("memory of a box (PSS), MB")
    for tier in tiers:
        process = subprocess.Popen([*host.box_words(tier, "--quiet"), "/bin/sh", "-c", "echo up; read line"], cwd=host.project,
                                   env=host.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        process.stdout.readline()
        time.sleep(1.5)  # what the start needed is given back after a second
        found = by_part([process.pid])
        process.communicate(b"\n")
        report.result.setdefault("memory_pss_mb", {})[tier] = found
        own = found.get("supervisor", 0) + found.get("gateway", 0)
        report.line(tier, ", ".join(f"{part} {size:.2f}" for part, size in sorted(found.items())))
        report.line("", f"claudebox {own:5.2f}", report.goal(f"memory of claudebox, {tier}, MB", own, 4))
        report.line("", f"all       {sum(found.values()):5.2f}", report.goal(f"memory of all, {tier}, MB", sum(found.values()), 12))
