"""What a box's network costs once it is there: throughput, round trips, lookups, and how fast a refusal is.

Everything happens in the test network of tests/e2e/testnet.py: a host, and an internet with our server. There are three
places to measure from: a box, a namespace with a bare slirp4netns (the same MTU), and the host itself.
"""

from __future__ import annotations

import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

from figures import Report, spread
from host import Host

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/e2e"))
from testnet import LAN4, TestNet  # noqa: E402

SERVER, PORT = "45.90.60.1", 5201
MTU = 65520
LOADS = [("up", 1, 0.6), ("down", 1, 0.6), ("up", 8, 0.85), ("down", 8, 0.85)]


class Place:
    """Where bench/traffic answers questions."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.ask("still")  # it is up

    def ask(self, question: str) -> dict:
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"bench: no answer to: {question}")
        return json.loads(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Places:
    """The three of them, and the server; from `with` on."""

    def __init__(self, host: Host, net: TestNet):
        self.host, self.net = host, net
        self.traffic = str(host.project / "traffic")  # a box sees its project
        shutil.copy(host.build / "bench/traffic", self.traffic)
        self.talking = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": host.project,
                        "env": host.environment()}

    def __enter__(self) -> "Places":
        self.server = start_server(self.host, self.net)
        self.direct = Place(self.net.popen("host", self.traffic, "ask", **self.talking))
        self.bare = Place(self.net.popen("host", "unshare", "--map-root-user", "--net", self.traffic, "ask", **self.talking))
        self.slirp = self.attach_slirp(self.bare.process.pid)
        command = [*self.host.box_words("internet", "--quiet"), self.traffic, "ask"]
        self.box = Place(subprocess.Popen(command, preexec_fn=lambda: self.net.enter("host"), **self.talking))
        return self

    def attach_slirp(self, pid: int) -> subprocess.Popen:
        ready, theirs = os.pipe()
        slirp = self.net.popen("host", "slirp4netns", "--configure", f"--mtu={MTU}", "--disable-host-loopback",
                               f"--ready-fd={theirs}", str(pid), "tap0", pass_fds=[theirs], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        if os.read(ready, 1) != b"1":
            sys.exit("bench: slirp4netns did not start")
        os.close(ready)
        return slirp

    def __exit__(self, *_) -> None:
        for place in (self.box, self.bare, self.direct):
            place.close()
        for process in (self.slirp, self.server):
            process.terminate()
            process.wait()


def start_server(host: Host, net: TestNet) -> subprocess.Popen:
    server = net.popen("internet", str(host.build / "bench/traffic_server"), SERVER, str(PORT), stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, text=True)
    if server.stdout.readline() != "ready\n":
        sys.exit("bench: the server of the measurements did not start")
    return server


def measure(host: Host, report: Report, net: TestNet, rounds: int, seconds: float) -> None:
    with Places(host, net) as places, net.name_servers(SERVER):
        throughput(places, report, rounds, seconds)
        round_trips(places, report, rounds)
        lookups(places, report, rounds)
        refusals(places, report)


def shuffled(things: list) -> list:
    return random.sample(things, len(things))


def throughput(places: Places, report: Report, rounds: int, seconds: float) -> None:
    found: dict[tuple[str, str, int], list[float]] = {}
    for _ in range(rounds):
        for way, streams, _ in shuffled(LOADS):
            for name, place in shuffled([("box", places.box), ("bare", places.bare)]):
                answer = place.ask(f"{way} {SERVER} {PORT} {streams} {seconds}")
                found.setdefault((name, way, streams), []).append(answer["mbit"])
    report.section("throughput of internet, Mbit/s", f"{'box':>8} {'bare slirp4netns':>18}   medians of {rounds} rounds")
    result = report.result["throughput_mbit"] = {}
    for way, streams, limit in LOADS:
        name = f"{streams} stream{'s' if streams > 1 else ''} {way}"
        box, bare = (statistics.median(found[place, way, streams]) for place in ("box", "bare"))
        result[name] = {"box": spread(found["box", way, streams]), "bare": spread(found["bare", way, streams]), "ratio": box / bare}
        report.line(name, f"{box:8.0f} {bare:18.0f}", f"{box / bare:7.2f} x", report.goal(f"throughput: {name}", box / bare, limit, at_least=True))


def interleaved(rounds: int, questions: dict[str, tuple[Place, str]]) -> dict[str, dict]:
    found: dict[str, list[float]] = {name: [] for name in questions}
    for _ in range(rounds):
        for name, (place, question) in shuffled(list(questions.items())):
            found[name] += place.ask(question)["us"]
    return {name: spread(times) for name, times in found.items()}


def microseconds(report: Report, title: str, result: dict, base: str) -> None:
    report.section(title, f"{'min':>7} {'p10':>7} {'median':>7} {'p90':>7}")
    for name, one in result.items():
        added = one["median"] - result[base]["median"]
        report.line(name, " ".join(f"{one[key]:7.0f}" for key in ("min", "p10", "median", "p90")),
                    f"{added:+7.0f} to {base}" if name != base else "")


def round_trips(places: Places, report: Report, rounds: int) -> None:
    question = f"rtt {SERVER} {PORT} 1000"
    result = report.result["round_trip_us"] = interleaved(rounds, {
        "host": (places.direct, question), "bare slirp4netns": (places.bare, question), "box": (places.box, question)})
    microseconds(report, "round trip on a TCP connection, us", result, "host")


def lookups(places: Places, report: Report, rounds: int) -> None:
    result = report.result["lookup_us"] = interleaved(rounds, {
        "host": (places.direct, "lookup bench.test 300"), "box": (places.box, "lookup bench.test 300")})
    microseconds(report, "lookup of a name, us", result, "host")
    added = (result["box"]["median"] - result["host"]["median"]) / 1000
    report.line("added, ms", f"{added:7.3f}", report.goal("lookup: added ms", added, 0.15))


def refusals(places: Places, report: Report) -> None:
    """Connects to the local network, which no box may reach. 10,000 each; the last of them matters as well."""
    report.section("refused connect, 10,000 of them, ms", f"{'median':>8} {'p99':>8} {'worst':>8}")
    result = report.result["refused_connect_ms"] = {}
    for name, streams in (("at rest", 0), ("under an upload of 8 streams", 8)):
        if streams:
            places.box.ask(f"upload {SERVER} {PORT} {streams}")
            time.sleep(0.5)  # it is under way
        answer = places.box.ask(f"connect {LAN4} 80 10000")
        places.box.ask("still")
        if answer["succeeded"]:
            sys.exit(f"bench: {answer['succeeded']} connects to the local network succeeded")
        times = sorted(time / 1000 for time in answer["us"])
        one = result[name] = {**spread(times), "p99": times[len(times) * 99 // 100]}
        report.line(name, f"{one['median']:8.3f} {one['p99']:8.3f} {one['max']:8.3f}",
                    report.goal(f"refused connect {name}, median ms", one["median"], 0.2))
