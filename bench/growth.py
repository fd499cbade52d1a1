"""A start must not take longer the more there is: files in the project, instances beside this one."""

from __future__ import annotations

import shutil

from cases import box, interleaved
from figures import Report
from host import Host


def by_files(host: Host, report: Report, rounds: int, files: int) -> None:
    big = host.make_project("big", files)
    report.result["start_by_files_ms"] = interleaved(host, rounds, [
        box(host, "0 files", "offline", "--quiet"), box(host, f"{files} files", "offline", "--quiet", project=big)])
    report.spreads("start by size of the project, ms", report.result["start_by_files_ms"],
                   {f"{files} files": ("0 files", None)})
    shutil.rmtree(big)


def by_instances(host: Host, report: Report, rounds: int, count: int) -> None:
    many = Host(host.build, host.root, "home-of-many")
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
                   {f"{count} instances": ("1 instance", None)})
    shutil.rmtree(many.home)
