"""Start to exit of `true` in every tier, against plain bwrap with the same mounts; and claudebox's own part of it."""

from __future__ import annotations

import json
import re
import statistics
import subprocess

from cases import box, interleaved, logins, plain_bwrap
from figures import Report
from host import Host

TIERS = ("full", "offline", "internet", "allowlist")
GATEWAY = ("internet", "allowlist")


def measure(host: Host, report: Report, rounds: int, gateway: bool) -> None:
    tiers = TIERS if gateway else TIERS[:2]
    for tier in tiers:
        subprocess.run([*host.box_words(tier, "--quiet"), "/bin/true"], cwd=host.project, env=host.environment(),
                       stdin=subprocess.DEVNULL, check=True)  # the instance is there from now on
    cases = [{"name": "true", "argv": ["/bin/true"], "environment": [], "directory": "/"}]
    cases += [plain_bwrap(host, f"bwrap {tier}", tier) for tier in tiers if tier != "allowlist"]
    cases += [box(host, f"claudebox {tier}", tier, "--quiet") for tier in tiers]
    cases.append(box(host, "claudebox offline, audit shown", "offline"))
    cases += logins(host, "offline")
    report.result["start_ms"] = interleaved(host, rounds, cases)
    report.spreads("start to exit of true, ms", report.result["start_ms"], {
        "claudebox full": ("bwrap full", 1.8), "claudebox offline": ("bwrap offline", 1.8),
        "claudebox internet": ("bwrap internet", 2.5), "claudebox allowlist": ("bwrap internet", 2.5),
        "claudebox offline, audit shown": ("bwrap offline", None),
        "claudebox offline, --auth broker": ("claudebox offline, --auth none", None)})


def stages(host: Host, report: Report, rounds: int) -> None:
    """What --timings says of the tier internet: medians, each from the stage before it."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        done = subprocess.run([*host.box_words("internet", "--quiet", "--timings"), "/bin/true"], cwd=host.project,
                              env=host.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
        for name, time in re.findall(r"(?:: |, )([a-z0-9' ]+) ([\d.]+) ms", done.stderr):
            found.setdefault(name, []).append(float(time))
    report.result["stages_ms"] = {name: statistics.median(times) for name, times in found.items()}
    report.section("stages of internet (--timings), ms", "each since the one before, medians")
    for name, time in report.result["stages_ms"].items():
        report.line(name, f"{time:7.2f}")


def planning(host: Host, report: Report) -> None:
    program = host.build / "bench/plan_benchmark"
    if not program.exists():
        return
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=1"], cwd=host.project,
                          env=host.environment(), capture_output=True, text=True, check=True)
    report.result["planning_ms"] = {one["name"]: one["real_time"] for one in json.loads(done.stdout)["benchmarks"]}
    report.section("in claudebox itself, ms")
    for name, time in report.result["planning_ms"].items():
        report.line(name, f"{time:7.2f}")
    both = sum(report.result["planning_ms"][name] for name in ("planning", "audit"))
    report.line("planning and audit", f"{both:7.2f}", report.goal("planning and audit, ms", both, 3))
