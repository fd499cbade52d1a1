#!/usr/bin/python3
"""Measures what claudebox costs: against plain bwrap with the same mounts, a bare slirp4netns and other sandboxes, each in
one interleaved run. script/bench calls it.

Prints a table and writes JSON. Everything happens in a temporary home; traffic goes to loopback and to a network of
namespaces that is made for it. A goal that is missed is said, and is no failure.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

import crowd
import growth
import memory
import network
import peers
import start
import tools
from figures import Report
from host import Host


def machine() -> dict:
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    system = next((line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release") if line.startswith("PRETTY_NAME=")), "")
    total = next(int(line.split()[1]) // 1024 for line in open("/proc/meminfo") if line.startswith("MemTotal:"))
    return {"cpu": cpu, "processors": os.cpu_count(), "memory_mb": total, "kernel": platform.release(), "system": system,
            "bwrap": version("bwrap", -1), "slirp4netns": version("slirp4netns", 2), "user": "root" if os.getuid() == 0 else "ordinary",
            "load": os.getloadavg()[0], "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}


def version(program: str, word: int) -> str:
    """The word of its --version that says it; "" where there is no such program."""
    if not shutil.which(program):
        return ""
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()[word]


def missing_for_gateway() -> str:
    """What the tiers with a gateway need and this machine does not have."""
    if not shutil.which("slirp4netns"):
        return "slirp4netns is not installed"
    return "" if os.access("/dev/net/tun", os.R_OK | os.W_OK) else "/dev/net/tun can't be opened"


@contextlib.contextmanager
def test_network():
    net = network.TestNet()
    try:
        yield net
    finally:
        net.close()


def measure(options: argparse.Namespace, host: Host, report: Report) -> None:
    lacking = missing_for_gateway()
    if lacking:
        print(f"without internet and allowlist: {lacking}")
    wanted = set(options.only or ("start", "growth", "memory", "network", "crowd", "peers"))
    if "start" in wanted:
        start.measure(host, report, options.rounds, gateway=not lacking)
        if not lacking:
            start.stages(host, report, max(1, options.rounds // 4))
        start.planning(host, report)
    if "memory" in wanted:
        memory.measure(host, report, ["offline"] if lacking else ["offline", "internet"])
    if not lacking and wanted & {"network", "crowd"}:
        with test_network() as net:
            if "network" in wanted:
                network.measure(host, report, net, options.network_rounds, options.seconds)
            if "crowd" in wanted:
                crowd.measure(host, report, net, 3, options.boxes)
    if "growth" in wanted:
        growth.by_instances(host, report, options.rounds, options.instances)
        growth.by_files(host, report, options.rounds, options.files)
        growth.by_grants(host, report, options.rounds, gateway=not lacking)
    if "peers" in wanted:  # last: with --user it changes what this process sees mounted
        peers.measure(peers.host_for(host.build, host.root, options.user), report, options.rounds, not lacking, test_network())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", metavar="PART", help="start, growth, memory, network, crowd, peers; default: all")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=200, help="of starts")
    parser.add_argument("--network-rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each transfer")
    parser.add_argument("--boxes", type=int, default=100, help="at once")
    parser.add_argument("--files", type=int, default=300_000)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--user", default="", metavar="NAME", help="peers: the ordinary user for whom root measures")
    parser.add_argument("--install-peers", action="store_true", help="by apt, and by npm into the cache directory")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()

    if options.install_peers:
        tools.install()
    report = Report()
    about = report.result["machine"] = machine()
    report.result["rounds"] = {"start": options.rounds, "network": options.network_rounds}
    print(f"{about['cpu']}, {about['processors']} processors, {about['memory_mb']} MB, Linux {about['kernel']}, {about['system']},\n"
          f"bwrap {about['bwrap']}, slirp4netns {about['slirp4netns']}, as {about['user']}, load {about['load']:.1f}, {about['date']}, "
          f"{options.rounds} rounds of starts")
    with tempfile.TemporaryDirectory(prefix="claudebox-bench-", dir="/var/tmp") as root:
        measure(options, Host(options.build.resolve(), pathlib.Path(root)), report)

    report.result["load_after"] = os.getloadavg()[0]
    report.result["goals"] = report.goals
    print(f"\nload at the end {report.result['load_after']:.1f}; {len(report.goals)} goals, {len(report.missed())} missed")
    for goal in report.missed():
        print(f"  missed: {goal}")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report.result, indent=2, ensure_ascii=False) + "\n")
        print(f"written to {options.out}")


main()
