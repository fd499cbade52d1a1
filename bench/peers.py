"""claudebox beside other sandboxes: how long a start takes, what stays in memory, and what leaks, each in one interleaved
run or on the same host. A tool that this machine does not have, or that can't run here, is said and left out.

Where root measures, --user NAME gives every tool to an ordinary user with a home of its own: some take the home from
/etc/passwd, and rootless podman is nothing for root. Bench then lives in a mount namespace in which that home is a
temporary one, and which has cgroup v2 as podman wants it."""

from __future__ import annotations

import contextlib
import ctypes
import pathlib
import pwd
import shutil
import subprocess
import time

import leaks
from cases import interleaved, logins, plain_bwrap
from figures import Report
from host import Host
from memory import pss_mb
from network import TestNet
from payload import Payload, content, kill, with_variable
from tools import LEFT_BY, Tool, find, how_to_get, versions

OURS = "claudebox internet"
GOALS = {"srt": 25, "codex": 7, "firejail": 4}  # PERF-2, by family


def host_for(build: pathlib.Path, root: pathlib.Path, user: str) -> Host:
    """Its home is in `root`; for a `user` it is that user's own."""
    place = root / "peers"
    (place / "home").mkdir(parents=True)
    if not user:
        return Host(build, place)
    # What is in the way may be root's alone.
    root.chmod(0o755)
    (place / "build/bench").mkdir(parents=True)
    for name in ("claudebox", "bench/rounds"):
        shutil.copy(build / name, place / "build" / name)
    home = pathlib.Path(pwd.getpwnam(user).pw_dir)
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000) != 0:  # CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "bench: no mount namespace could be made: --user is for root")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", place / "home", home], check=True)
    if subprocess.run(["stat", "--file-system", "--format=%T", "/sys/fs/cgroup"], capture_output=True, text=True).stdout != "cgroup2fs\n":
        subprocess.run(["mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"], check=True)
    host = Host(place / "build", place, home, user)
    host.own(place)
    return host


def measure(host: Host, report: Report, rounds: int, gateway: bool, network: contextlib.AbstractContextManager[TestNet]) -> None:
    result = report.result["peers"] = {"versions": versions(), "user": host.user, "could_not_run": {}}
    tools = usable(host, [*ours(host, gateway), *find(host)], result["could_not_run"])  # the instance is there from now on
    host.own(host.home)
    report.section("other tools on this machine")
    for name, number in result["versions"].items():
        report.line(name, number)
    for name, reason in result["could_not_run"].items():
        report.line(name, reason)
    result["allows"] = {tool.name: tool.allows for tool in tools}
    try:
        start(host, report, rounds, tools, gateway)
        memory(host, report, tools)
        with network as net:
            leak_table(report, leaks.table(host, net, tools))
    finally:
        kill(with_variable(LEFT_BY, str(host.root)))


def ours(host: Host, gateway: bool) -> list[Tool]:
    allows = {"internet": "the internet without private networks", "offline": "no network"}
    return [Tool(f"claudebox {tier}", "claudebox", host.box_words(tier, "--quiet"), allows[tier])
            for tier in (("internet", "offline") if gateway else ("offline",))]


def usable(host: Host, tools: list[Tool], could_not_run: dict[str, str]) -> list[Tool]:
    """Those that run `true` to its end."""
    found = []
    for tool in tools:
        if not tool.lacking:
            host.own(host.home)
            case = tool.case(host, ["/bin/true"])
            done = subprocess.run([*host.prefix, *case["argv"]], cwd=case["directory"], capture_output=True, text=True, timeout=120,
                                  env=dict(entry.split("=", 1) for entry in case["environment"]), stdin=subprocess.DEVNULL)
            if done.returncode:
                tool.lacking = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        if tool.lacking:
            could_not_run[tool.name] = how_to_get(tool)
        else:
            found.append(tool)
    return found


def start(host: Host, report: Report, rounds: int, tools: list[Tool], gateway: bool) -> None:
    cases = [tool.case(host, ["/bin/true"]) for tool in tools]
    cases.append(plain_bwrap(host, "bwrap, claudebox's mounts", "internet" if gateway else "offline"))
    logged_in = f"{OURS}, logged in"
    if gateway:
        cases.append(dict(logins(host, "internet")[1], name=logged_in))
        host.own(host.home)
    result = report.result["peers"]["start_ms"] = interleaved(host, rounds, cases)
    base = logged_in if gateway else "claudebox offline"
    ordered = dict(sorted(result.items(), key=lambda each: each[1]["median"]))
    report.spreads("start to exit of true, ms", ordered, {name: (base, None) for name in ordered if name != base})
    for family, goal in GOALS.items() if gateway else ():
        # The fastest of its settings, against ours with everything on.
        times = [result[tool.name]["median"] for tool in tools if tool.family == family]
        if times:
            ratio = min(times) / result[logged_in]["median"]
            report.line(f"{family} / {logged_in}", f"{ratio:5.1f} x",
                        report.goal(f"start: {family} / {logged_in}", ratio, goal, at_least=True))


def memory(host: Host, report: Report, tools: list[Tool]) -> None:
    result = report.result["peers"]["memory_pss_mb"] = {}
    report.section("memory beside a command (PSS), MB", f"{'all':>7}")
    for tool in tools:
        with Payload(host, tool) as payload:
            if not payload.started:
                report.line(tool.name, "the command did not start")
                continue
            time.sleep(1.5)  # what the start needed is given back
            parts: dict[str, float] = {}
            unseen = 0
            for pid in payload.around():
                words = content(pid, "cmdline").split(b"\0")
                size = pss_mb(pid)
                unseen += size is None
                name = pathlib.PurePath(words[0].decode()).name
                parts[name] = parts.get(name, 0.0) + (size or 0.0)
        result[tool.name] = {"all": sum(parts.values()), "parts": parts, "processes_not_seen": unseen}
        report.line(tool.name, f"{sum(parts.values()):7.2f}", ", ".join(f"{name} {size:.2f}" for name, size in sorted(parts.items())),
                    f"and {unseen} processes that only root sees" if unseen else "")


def leak_table(report: Report, found: dict[str, dict[str, bool] | str]) -> None:
    report.result["peers"]["leaks"] = found
    names = [name for name, rows in found.items() if isinstance(rows, dict)]
    report.section("what is reached from inside")
    for number, name in enumerate(names, 1):
        report.line(f"({number})", name)
    for name in found.keys() - set(names):
        report.line(name, f"could not be tried: {found[name]}")
    report.section("", " ".join(f"({number})".rjust(4) for number in range(1, len(names) + 1)))
    for row in dict.fromkeys(row for name in names for row in found[name]):
        wanted = " (wanted)" if row in leaks.WANTED else ""
        report.line(row + wanted, " ".join({True: " YES", False: "  no", None: "   ?"}[found[name].get(row)] for name in names))
