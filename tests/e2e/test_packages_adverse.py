"""What works against the resolution of packages: Ctrl-C and kill -9 in the middle of it, the collector, many at once."""

from __future__ import annotations

import re
import signal
import subprocess
import threading

import pytest

from nix_cache import cache_of
from nix_host import nix, until, with_daemon  # noqa: F401

pytestmark = pytest.mark.root

OFFLINE = ("--network", "offline")
SLOW = ("run", "--yes", *OFFLINE, "--package", "slow", "--", "/bin/sh", "-c", "slow")


def nothing_half_made(nix) -> None:
    assert nix.entries() == []
    left = [path.name for path in nix.packages.glob("*/*") if path.name.startswith(("root-", "source", "record"))]
    assert left == []


def works(nix, package: str, printed: str) -> None:
    done = nix.sh(f"{package}", *OFFLINE, "--package", package)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_stopped(nix, number):
    box = nix.popen(*SLOW)
    nix.wait_for_builder("slow")
    box.send_signal(number)
    out, err = box.communicate(timeout=30)
    assert box.returncode == 128 + number and out == ""
    assert "Cancelled" in err and "nothing was started" in err
    nothing_half_made(nix)
    until(lambda: not nix.builders("slow"), "the builder to end", 15)
    assert not nix.processes()
    nix.open_gate("slow")
    works(nix, "slow", "slow\n")


def test_ctrl_c_on_a_terminal(nix):
    pressed = []

    def watch(said: str) -> str:
        if pressed or "building slow" not in said:
            return ""
        pressed.append(True)
        return "\x03"

    status, said = nix.at_terminal(*SLOW, watch=watch)
    assert status == 130 and "Cancelled" in said
    nothing_half_made(nix)
    nix.open_gate("slow")
    works(nix, "slow", "slow\n")


def test_a_build_whose_claudebox_is_killed(nix):
    box = nix.popen(*SLOW)
    nix.wait_for_builder("slow")
    box.kill()
    box.communicate(timeout=30)
    until(lambda: not nix.processes() and not nix.builders("slow"), "all of it to end with claudebox", 15)
    assert nix.entries() == []
    nix.open_gate("slow")
    works(nix, "slow", "slow\n")
    (entry,) = nix.entries()
    assert len([path for path in entry.iterdir() if path.name.startswith("root-")]) == 1, "what was left over is gone"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_download_that_is_stopped(with_daemon, number):
    nix = with_daemon
    with cache_of(nix, "big") as cache:
        cache.hold()
        box = nix.popen("run", "--yes", *OFFLINE, "--package", "big", "--", "true")
        assert cache.halfway.wait(60)
        box.send_signal(number)
        box.communicate(timeout=30)
        assert box.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
        assert nix.entries() == []
        until(lambda: not nix.processes(), "all of it to end", 15)
        cache.go.set()
        done = nix.sh("head -c 8 $(echo /nix/store/*-big-1/bin/data) | wc -c", *OFFLINE, "--package", "big")
        assert done.stdout == "8\n", done.stderr


def test_a_stop_while_another_resolution_is_waited_for(nix):
    first = nix.popen(*SLOW)
    nix.wait_for_builder("slow")
    second = nix.popen("run", "--instance", "second", *SLOW[1:])
    said = ""
    while "waits for it" not in said:
        line = second.stderr.readline()
        assert line, said
        said += line
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=30)
    assert second.returncode in (130, -signal.SIGINT), "it has nothing yet to clear away"
    nix.open_gate("slow")
    out, err = first.communicate(timeout=60)
    assert (first.returncode, out) == (0, "slow\n"), err


def test_many_first_starts_at_once_resolve_once(nix):
    boxes = [nix.popen("run", "--instance", f"number{n}", *SLOW[1:]) for n in range(4)]
    nix.wait_for_builder("slow")
    nix.open_gate("slow")
    ended = [box.communicate(timeout=120) for box in boxes]
    assert [(box.returncode, out) for box, (out, _) in zip(boxes, ended)] == [(0, "slow\n")] * 4, ended
    assert sum(err.count("Nix resolves nixpkgs#slow") for _, err in ended) == 1, ended
    assert len(nix.entries()) == 1


def test_who_waits_for_one_that_is_killed_resolves_itself(nix):
    first, second = nix.popen(*SLOW), None
    try:
        nix.wait_for_builder("slow")
        second = nix.popen("run", "--instance", "second", *SLOW[1:])
        while "waits for it" not in second.stderr.readline():
            assert second.poll() is None
    finally:
        first.kill()
        first.communicate(timeout=30)
    nix.open_gate("slow")
    out, err = second.communicate(timeout=60)
    assert (second.returncode, out) == (0, "slow\n"), err


def test_the_collector_at_work_all_the_time(nix):
    """There is no moment between a build and its root in which it could take something. Nix itself (2.8, measured without
    claudebox) sometimes loses a path while it evaluates or adds it, as a single user: then it is an error, and nothing of it stays."""
    stop, said = threading.Event(), []

    def collect():
        while not stop.is_set():
            said.append(nix.nix("store", "gc").returncode)

    def starts() -> bool:
        done = nix.sh("many | head -c 5; two", *OFFLINE, "--package", "many", "--package", "two")
        if nix.form == "single" and re.search("is not valid|getting status of '/nix/store/", done.stderr):
            assert done.returncode == 125 and done.stdout == ""
            return False
        assert (done.returncode, done.stdout) == (0, "aftertwo\n"), done.stderr
        return True

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for _ in range(5):
            assert any(starts() for _ in range(5))
            assert len(nix.entries()) == 2
            records = [(entry / "record.json").stat() for entry in nix.entries()]
            assert all(starts() for _ in range(3)), "it stays"
            assert [(entry / "record.json").stat().st_mtime_ns for entry in nix.entries()] \
                == [record.st_mtime_ns for record in records], "and is not resolved again"
            nix.box("packages", "remove", "--all")
    finally:
        stop.set()
        collector.join()
    assert said and set(said) <= {0, 1}


def test_what_a_running_box_uses_is_not_taken_with_its_record(nix):
    with nix.popen("run", "--yes", "--quiet", *OFFLINE, "--package", "hello", "--", "/bin/sh", "-c", "echo up; read go; hello",
                   stdin=-1) as box:
        assert box.stdout.readline() == "up\n"
        assert nix.box("packages", "remove", "--all").returncode == 0
        nix.collect()
        out, err = box.communicate("go\n", timeout=30)
    assert out == "hello from the store\n", err


def test_a_path_that_was_taken_by_force(nix):
    """Roots are there and Nix takes the path for valid, but somebody cleared the store by hand."""
    works(nix, "greeter", "hello from the store\n")
    nix.shell("rm -rf /nix/store/*-hello")
    done = nix.sh("echo started", *OFFLINE, "--package", "greeter")
    assert (done.returncode, done.stdout) == (125, "")
    assert "of it in /nix/store" in done.stderr and "nix-store --verify" in done.stderr
    repaired = subprocess.run(nix.inside("nix-store", "--verify", "--check-contents", "--repair")
                              if nix.form == "daemon" else nix.as_user("nix-store", "--verify", "--check-contents", "--repair"),
                              env=nix.env, capture_output=True, text=True, timeout=60)
    assert repaired.returncode == 0, repaired.stderr
    works(nix, "greeter", "hello from the store\n")
