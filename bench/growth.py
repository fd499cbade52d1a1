"""A start must not take longer the more there is: files in the project, instances beside this one. What it takes for each
mount and each allowed name that was asked for."""

from __future__ import annotations

import shutil

from cases import box, interleaved
from figures import Report
from host import Host

EQUAL = 1.1  # what two equal ones may differ by in one run
MOUNTS = (0, 10, 100, 300, 1000)
NAMES = (1, 100, 1000)


def by_files(host: Host, report: Report, rounds: int, files: int) -> None:
    big = host.make_project("big", files)
    report.result["start_by_files_ms"] = interleaved(host, rounds, [
        box(host, "0 files", "offline", "--quiet"), box(host, f"{files} files", "offline", "--quiet", project=big)])
    report.spreads("start by size of the project, ms", report.result["start_by_files_ms"],
                   {f"{files} files": ("0 files", EQUAL)})
    shutil.rmtree(big)


def by_instances(host: Host, report: Report, rounds: int, count: int) -> None:
    many = Host(host.build, host.root, host.root / "home-of-many")
    many.run("run", "--yes", "--network", "offline", "--", "/bin/true")
    instances = many.home / ".claudebox/instances"
    original = next(entry for entry in instances.iterdir() if len(entry.name) == 16)
    for number in range(count - 1):
        copy = instances / f"{number:016x}"
        copy.mkdir(mode=0o700)
        for entry in original.iterdir():
            if entry.is_file():
                shutil.copy2(entry, copy)
            else:
                (copy / entry.name).mkdir(mode=0o700)
    report.result["start_by_instances_ms"] = interleaved(host, rounds, [
        box(host, "1 instance", "offline", "--quiet"), box(many, f"{count} instances", "offline", "--quiet")])
    report.spreads("start with other instances, ms", report.result["start_by_instances_ms"],
                   {f"{count} instances": ("1 instance", EQUAL)})
    shutil.rmtree(many.home)


def by_grants(host: Host, report: Report, rounds: int, gateway: bool) -> None:
    extra = host.root / "extra"
    words: list[str] = []
    for number in range(MOUNTS[-1]):
        (extra / str(number)).mkdir(parents=True)
        words += ["--mount", f"{extra / str(number)}:ro"]
    cases = {f"{count} mounts": box(host, f"{count} mounts", "offline", "--quiet", *words[:2 * count]) for count in MOUNTS}
    if gateway:
        names = [word for number in range(NAMES[-1] - 1) for word in ("--allow", f"host{number}.example.org")]
        for count in NAMES:  # one is there by itself: cases.box
            cases[f"{count} names"] = box(host, f"{count} names", "allowlist", "--quiet", *names[:2 * (count - 1)])
    result = report.result["start_by_grants_ms"] = interleaved(host, max(1, rounds // 4), list(cases.values()))
    report.spreads("start by what was granted, ms", result, {
        name: (f"{MOUNTS[0]} mounts" if "mounts" in name else f"{NAMES[0]} names", None)
        for name in cases if name not in (f"{MOUNTS[0]} mounts", f"{NAMES[0]} names")})
    shutil.rmtree(extra)
