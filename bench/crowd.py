"""Many boxes at once: all are started, each makes one connection and holds it; how long until the last has, what they
take together, and how many fail. Against as many plain bwraps on the host's network, in turn."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys

from cases import box, plain_bwrap
from figures import Report, spread
from host import Host
from memory import by_part
from network import PORT, SERVER, TestNet, start_server


def measure(host: Host, report: Report, net: TestNet, rounds: int, count: int) -> None:
    traffic = host.project / "traffic"
    shutil.copy(host.build / "bench/traffic", traffic)
    command = (str(traffic), "once", SERVER, str(PORT))
    boxes = []
    for number in range(count):
        project = host.make_project(f"crowd{number}")
        shutil.copy(traffic, project)
        here = (str(project / "traffic"), *command[1:])
        boxes.append(box(host, f"box {number}", "internet", "--quiet", project=project, command=here))
    shutil.rmtree(host.project.with_name("twin"), ignore_errors=True)  # one with the program in it
    plain = plain_bwrap(host, "bwrap crowd", "internet", command)
    kinds = {"claudebox internet": boxes, "bwrap internet": [plain] * count}

    server = start_server(host, net)
    found: dict[str, list[float]] = {name: [] for name in kinds}
    failed = {name: 0 for name in kinds}
    memory: dict[str, float] = {}
    for number in range(-1, rounds):  # the first makes the instances
        for name, cases in kinds.items():
            took, bad, parts = start_all(host, net, cases, look=name == "claudebox internet" and number == rounds - 1)
            if number >= 0:
                found[name].append(took)
                failed[name] += bad
                memory = parts or memory
    server.terminate()
    server.wait()
    tell(report, count, rounds, found, failed, memory)


def start_all(host: Host, net: TestNet, cases: list[dict], look: bool) -> tuple[float, int, dict[str, float]]:
    """Milliseconds until all were up, how many failed, and the memory of their parts if that is wanted."""
    spec = host.root / "crowd.json"
    spec.write_text(json.dumps({"cases": cases}))
    crowd = subprocess.Popen([host.build / "bench/crowd", spec], preexec_fn=lambda: net.enter("host"), text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    up = json.loads(crowd.stdout.readline() or sys.exit("bench: crowd did not start"))
    parts = by_part(up["pids"]) if look else {}
    rest, _ = crowd.communicate("\n")
    return up["ms"], json.loads(rest)["failed"], parts


def tell(report: Report, count: int, rounds: int, found: dict, failed: dict, memory: dict) -> None:
    report.section(f"{count} boxes at once, ms until all were up", f"{'median':>8} {'worst':>8}   {rounds} rounds")
    base = statistics.median(found["bwrap internet"])
    for name, times in found.items():
        ratio = statistics.median(times) / base
        ours = name.startswith("claudebox")
        report.line(name, f"{statistics.median(times):8.0f} {max(times):8.0f}", f"{failed[name]} failed",
                    f"{ratio:5.2f} x" if ours else "", report.goal(f"{count} boxes / {count} bwraps", ratio, 2.5) if ours else "")
    each = sum(memory.values()) / count
    report.line("memory (PSS), MB", ", ".join(f"{part} {size:.0f}" for part, size in sorted(memory.items())),
                f"{each:.2f} a box")
    report.result["crowd"] = {"boxes": count, "failed": failed, "ms": {name: spread(times) for name, times in found.items()},
                              "memory_pss_mb": memory}
