#!/usr/bin/python3
"""Measures what claudebox costs, against plain bwrap with the same mounts and in the same run. script/bench calls it.

Prints a table and writes JSON. Everything happens in a temporary home; no network is used.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


class Bench:
    def __init__(self, build: pathlib.Path, rounds: int, root: pathlib.Path):
        self.build, self.rounds, self.root = build, rounds, root
        self.binary = str(build / "claudebox")
        self.bwrap = shutil.which("bwrap") or sys.exit("bench: bwrap is not installed\nhint: script/bootstrap")
        self.home = self.make_home("home")
        self.project = self.make_project(self.home, "project")

    # --- hosts -----------------------------------------------------------------------------------------------------

    def environment(self, home: pathlib.Path, first: str = "") -> dict[str, str]:
        user = pwd.getpwuid(os.getuid()).pw_name
        path = f"{home}/.local/bin:/usr/local/bin:/usr/bin:/bin"
        return {"HOME": str(home), "USER": user, "LOGNAME": user, "PATH": f"{first}:{path}" if first else path,
                "SHELL": "/bin/bash", "LANG": "C.UTF-8", "TERM": "xterm-256color"}

    def make_home(self, name: str) -> pathlib.Path:
        home = self.root / name
        (home / ".local/bin").mkdir(parents=True)
        (home / ".gitconfig").write_text("[user]\n\tname = Bench\n\temail = bench@example.org\n")
        return home

    def make_project(self, home: pathlib.Path, name: str, files: int = 0) -> pathlib.Path:
        project = home / name
        project.mkdir()
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=project, env=self.environment(home), check=True)
        for number in range(files):
            if number % 100 == 0:
                directory = project / f"a{number // 10000}" / f"b{number // 100}" / "c"
                directory.mkdir(parents=True)
            (directory / f"file{number}").write_bytes(b"sixty bytes of nothing in particular, in a file of its own.\n")
        return project

    def run(self, *arguments: str, home=None, project=None, first: str = "", check=True) -> subprocess.CompletedProcess:
        done = subprocess.run([self.binary, *arguments], cwd=project or self.project, stdin=subprocess.DEVNULL,
                              env=self.environment(home or self.home, first), capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            sys.exit(f"bench: claudebox {' '.join(arguments)} failed with {done.returncode}:\n{done.stderr}")
        return done

    # --- start to exit ---------------------------------------------------------------------------------------------

    def rounds_of(self, cases: list[dict]) -> dict:
        spec = self.root / "spec.json"
        spec.write_text(json.dumps({"rounds": self.rounds, "warm_up": 5, "cases": cases}))
        result = json.loads(subprocess.run([self.build / "bench/rounds", spec], check=True, capture_output=True, text=True).stdout)
        for name, one in result.items():
            if one["failed"]:
                sys.exit(f"bench: {name} failed in {one['failed']} of {self.rounds} rounds")
        return {name: {"median": statistics.median(one["ms"]), "p10": quantile(one["ms"], 0.1), "p90": quantile(one["ms"], 0.9),
                       "min": min(one["ms"])} for name, one in ((case["name"], result[case["name"]]) for case in cases)}

    def box(self, name: str, *options: str, home=None, project=None) -> dict:
        home, project = home or self.home, project or self.project
        environment = [f"{key}={value}" for key, value in self.environment(home).items()]
        return {"name": name, "argv": [self.binary, "run", "--yes", *options, "--", "/bin/true"], "environment": environment,
                "directory": str(project)}

    def plain_bwrap(self, name: str, tier: str) -> dict:
        """bwrap alone with what `claudebox plan` says: the printed command is run once with a recorder in its place."""
        place = self.root / f"recorder-{tier}"
        place.mkdir()
        shutil.copy(HERE / "record_bwrap", place / "bwrap")
        printed = self.run("plan", "--network", tier, "--", "/bin/true", first=str(place)).stdout
        script = printed[printed.index("# The same as a bwrap command, for bash:"):]
        environment = dict(self.environment(self.home, str(place)))
        subprocess.run(["/bin/bash", "-c", script], cwd=self.project, env=environment, check=True, stdin=subprocess.DEVNULL)
        recorded = json.loads((place / "recorded.json").read_text())
        # claudebox makes inert files in .git for the life of a box; plain bwrap gets a project that has them already.
        twin = self.project.with_name("twin")
        if not twin.exists():
            shutil.copytree(self.project, twin)
            for word in recorded["argv"]:
                if word.startswith(f"{self.project}/") and not os.path.lexists(word):
                    (twin / os.path.relpath(word, self.project)).write_text("../.git\n")
        argv = [self.bwrap] + [word.replace(str(self.project), str(twin)) for word in recorded["argv"]]
        return {"name": name, "argv": argv, "environment": [], "directory": str(twin), "open": recorded["open"]}

    def start(self) -> dict:
        for tier in ("full", "offline"):
            self.run("run", "--yes", "--network", tier, "--", "/bin/true")  # the instance is there from now on
        return self.rounds_of([
            {"name": "true", "argv": ["/bin/true"], "environment": [], "directory": "/"},
            self.plain_bwrap("bwrap full", "full"), self.plain_bwrap("bwrap offline", "offline"),
            self.box("claudebox full", "--network", "full", "--quiet"),
            self.box("claudebox offline", "--network", "offline", "--quiet"),
            self.box("claudebox offline, audit shown", "--network", "offline"),
        ])

    def size(self, files: int) -> dict:
        big = self.make_project(self.home, "big", files)
        return self.rounds_of([self.box("0 files", "--network", "offline", "--quiet"),
                               self.box(f"{files} files", "--network", "offline", "--quiet", project=big)])

    def instances(self, count: int) -> dict:
        home = self.make_home("home-of-many")
        project = self.make_project(home, "project")
        self.run("run", "--yes", "--network", "offline", "--", "/bin/true", home=home, project=project)
        instances = home / ".claudebox/instances"
        original = next(entry for entry in instances.iterdir() if len(entry.name) == 16)
        for number in range(count - 1):
            copy = instances / f"{number:016x}"
            copy.mkdir(mode=0o700)
            for entry in original.iterdir():
                if entry.is_file():
                    shutil.copy2(entry, copy)
                else:
                    (copy / entry.name).mkdir(mode=0o700)
        return self.rounds_of([self.box("1 instance", "--network", "offline", "--quiet"),
                               self.box(f"{count} instances", "--network", "offline", "--quiet", home=home, project=project)])

    # --- memory, planning ------------------------------------------------------------------------------------------

    def memory(self) -> dict:
        process = subprocess.Popen([self.binary, "run", "--yes", "--quiet", "--network", "offline", "--", "/bin/sleep", "30"],
                                   cwd=self.project, env=self.environment(self.home), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found: dict[str, float] = {}
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and "sleep" not in [name for _, name in self.tree(process.pid)]:
                time.sleep(0.02)
            for pid, name in self.tree(process.pid):
                try:
                    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                except OSError:
                    continue  # an ordinary user may not look into bwrap
                for line in lines:
                    if line.startswith("Pss:"):
                        found[name] = found.get(name, 0.0) + int(line.split()[1]) / 1024
        finally:
            process.terminate()
            process.wait()
        return {"supervisor": found["claudebox"], **({"bwrap": found["bwrap"]} if "bwrap" in found else {})}

    def tree(self, pid: int) -> list[tuple[int, str]]:
        try:
            name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return []
        return [(pid, name)] + [entry for child in children for entry in self.tree(int(child))]

    def planning(self) -> dict | None:
        program = self.build / "bench/plan_benchmark"
        if not program.exists():
            return None
        done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=1"], cwd=self.project,
                              env=self.environment(self.home), capture_output=True, text=True, check=True)
        return {one["name"]: one["real_time"] for one in json.loads(done.stdout)["benchmarks"]}


def machine() -> dict:
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    system = next((line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release") if line.startswith("PRETTY_NAME=")), "")
    memory = next(int(line.split()[1]) // 1024 for line in open("/proc/meminfo") if line.startswith("MemTotal:"))
    bwrap = subprocess.run(["bwrap", "--version"], capture_output=True, text=True).stdout.split()[-1:]
    return {"cpu": cpu, "processors": os.cpu_count(), "memory_mb": memory, "kernel": platform.release(), "system": system,
            "bwrap": bwrap[0] if bwrap else "", "user": "root" if os.getuid() == 0 else "ordinary",
            "load": os.getloadavg()[0], "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}


def rows_of(title: str, result: dict, against: dict[str, str]) -> list[str]:
    lines = [f"{title:34} {'min':>7} {'p10':>7} {'median':>7} {'p90':>7}   ratio"]
    for name, one in result.items():
        base = against.get(name)
        ratio = f"{one['median'] / result[base]['median']:5.2f} x {base}" if base else ""
        lines.append(f"  {name:32} {one['min']:7.2f} {one['p10']:7.2f} {one['median']:7.2f} {one['p90']:7.2f}   {ratio}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--files", type=int, default=300_000)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="claudebox-bench-", dir="/var/tmp") as root:
        bench = Bench(options.build.resolve(), options.rounds, pathlib.Path(root))
        result = {"machine": machine(), "rounds": options.rounds}
        about = result["machine"]
        print(f"{about['cpu']}, {about['processors']} processors, {about['memory_mb']} MB, Linux {about['kernel']}, {about['system']},"
              f"\nbwrap {about['bwrap']}, as {about['user']}, load {about['load']:.1f}, {about['date']}, {options.rounds} rounds\n")
        result["start"] = bench.start()
        print("\n".join(rows_of("start to exit of true, ms", result["start"], {
            "claudebox full": "bwrap full", "claudebox offline": "bwrap offline", "claudebox offline, audit shown": "bwrap offline"})), "\n")
        if planning := bench.planning():
            result["planning_ms"] = planning
            print("in claudebox itself, ms             ", ", ".join(f"{name} {value:.2f}" for name, value in planning.items()), "\n")
        result["memory_pss_mb"] = bench.memory()
        print("memory of a box (PSS), MB           ", ", ".join(f"{k} {v:.2f}" for k, v in result["memory_pss_mb"].items()), "\n")
        if options.instances:
            result["instances"] = bench.instances(options.instances)
            print("\n".join(rows_of("start with other instances, ms", result["instances"], {f"{options.instances} instances": "1 instance"})), "\n")
        if options.files:
            result["size"] = bench.size(options.files)
            print("\n".join(rows_of("start by size of the project, ms", result["size"], {f"{options.files} files": "0 files"})), "\n")
        if options.out:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(result, indent=2) + "\n")
            print(f"written to {options.out}")


main()
