"""What goes wrong when packages are resolved: each time the cause, what to do, and nothing half-made afterwards."""

from __future__ import annotations

import os

import pytest

from conftest import need
from nix_cache import cache_of
from nix_host import nix, with_daemon  # noqa: F401

pytestmark = pytest.mark.root

OFFLINE = ("--network", "offline")


def refused(nix, *options: str, status: int = 125, **more) -> str:
    """The message of a start that does not happen."""
    done = nix.sh("echo started", *OFFLINE, *options, **more)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert nix.entries() == []
    left = [str(path) for path in nix.packages.glob("*/*") if path.name.startswith(("root-", "source"))]
    assert left == []
    assert "\x1b" not in done.stderr
    return done.stderr


def test_no_nix_at_all(nix):
    (nix.directory / "empty").touch(0o644)
    program = os.path.realpath(need("nix"))
    nix.shell(f"mount --bind {nix.directory}/empty {program}")
    try:
        said = refused(nix, "--package", "hello")
    finally:
        nix.shell(f"umount {program}")
    assert "nix is not installed" in said and "hint:" in said


def test_a_name_that_does_not_exist(nix):
    said = refused(nix, "--package", "helo")
    assert "helo" in said and "Did you mean hello?" in said
    assert "cannot find flake" in refused(nix, "--package", "nosuchflake#x")


def test_a_build_that_fails(nix):
    said = refused(nix, "--package", "bad")
    assert "exit code 3" in said and "line 1" in said and "last" in said


def test_what_worked_before_a_failure_stays_resolved(nix):
    done = nix.sh("true", *OFFLINE, "--package", "hello", "--package", "bad")
    assert done.returncode == 125
    with nix.without_nix():
        assert nix.sh("hello", *OFFLINE, "--package", "hello").stdout == "hello from the store\n"


def test_no_daemon_answers(with_daemon):
    nix = with_daemon
    nix.stop()
    said = refused(nix, "--package", "hello")
    assert "daemon" in said and "hint:" in said
    nix.shell("rm -rf /nix/var/nix/daemon-socket")
    assert "daemon" in refused(nix, "--package", "hello")
    nix.start()
    assert nix.sh("hello", *OFFLINE, "--package", "hello").stdout == "hello from the store\n"


def test_the_store_is_full(with_daemon):
    nix = with_daemon
    assert nix.sh("true", *OFFLINE, "--package", "hello").returncode == 0
    used = int(nix.shell("df --output=used -k /nix | tail -1"))
    nix.shell(f"mount -o remount,size={used + 1500}k /nix")
    done = nix.sh("true", *OFFLINE, "--package", "big")
    assert done.returncode == 125
    assert "No space left on device" in done.stderr and "hint:" in done.stderr
    assert len(nix.entries()) == 1, "that of hello"
    with nix.without_nix():
        assert nix.sh("hello", *OFFLINE, "--package", "hello").stdout == "hello from the store\n"
    nix.shell("mount -o remount,size=1g /nix")
    assert nix.sh("test -s $(dirname $(command -v hello))/hello", *OFFLINE, "--package", "big", "--package",
                  "hello").returncode == 0


def test_the_disk_of_the_records_is_full(nix):
    state = nix.home / ".claudebox"
    state.mkdir()
    nix.shell(f"mount -t tmpfs -o size=16k,mode=0700,uid={nix.home.stat().st_uid},gid={nix.home.stat().st_gid} none {state} "
              f"&& head -c 16k /dev/zero >{state}/filler || true")
    done = nix.sh("true", *OFFLINE, "--package", "hello")
    assert done.returncode == 125
    assert "is full" in done.stderr or "o space left on device" in done.stderr
    assert "make room" in done.stderr
    nix.shell(f"rm {state}/filler; test -z \"$(find {state} -name record.json)\"; mount -o remount,size=1g {state}")
    assert nix.sh("hello", *OFFLINE, "--package", "hello").stdout == "hello from the store\n"
    nix.shell(f"umount {state}")


def test_a_cache_that_is_not_there(with_daemon):
    """Nix only warns and builds; the warning is passed on, since that may take hours with the real nixpkgs."""
    nix = with_daemon
    nix.start("substituters = http://127.0.0.1:9", "require-sigs = false")
    done = nix.box("run", "--yes", *OFFLINE, "--package", "hello", "--", "/bin/sh", "-c", "hello")
    assert done.stdout == "hello from the store\n", done.stderr
    assert "unable to download 'http://127.0.0.1:9" in done.stderr


def test_a_cache_that_goes_away(with_daemon):
    nix = with_daemon
    with cache_of(nix, "big") as cache:
        pass
    assert cache.asked == []
    done = nix.sh("true", *OFFLINE, "--package", "big")
    assert done.returncode in (0, 125), done.stderr
    nix.start()
    assert nix.sh("true", *OFFLINE, "--package", "big").returncode == 0


@pytest.mark.parametrize("name", [
    "hello;id", "hello $(id)", "`id`", "a b", "-x", "--impure", "nixpkgs#a|b", "nixpkgs#", "hello\nx", "$HOME", "a'b\"c", "é",
    "nixpkgs#hello\x1b[31m", "", "nixpkgs#-x", "path:/etc#x", "git+file:///etc#x", "nix pkgs#x", "a" * 2000
])
def test_what_can_be_no_name_is_refused_when_it_is_read(with_daemon, name):
    with with_daemon.without_nix() as marks:
        refused(with_daemon, f"--package={name}", status=2)
        assert marks() == []


def test_progress_is_two_lines_where_there_is_no_terminal(nix):
    nix.open_gate("slow")
    done = nix.box("run", "--yes", *OFFLINE, "--package", "slow", "--", "/bin/sh", "-c", "true")
    lines = [line for line in done.stderr.splitlines() if "nixpkgs#slow" in line and line.startswith("claudebox: ")]
    assert done.returncode == 0 and len(lines) == 2, done.stderr
    assert "\r" not in done.stderr
    assert nix.box("run", "--yes", "--quiet", *OFFLINE, "--package", "two", "--", "/bin/sh", "-c", "true").stderr == ""


def test_progress_is_one_line_that_is_drawn_anew_on_a_terminal(nix):
    def watch(said: str) -> str:
        if "building slow" in said:
            nix.open_gate("slow")
        return ""

    status, said = nix.at_terminal("run", "--yes", *OFFLINE, "--package", "slow", "--", "/bin/sh", "-c", "slow", watch=watch)
    assert status == 0 and said.endswith("slow\r\n")
    drawn = [part for part in said.split("\r\x1b[K") if "nixpkgs#slow: " in part]
    assert drawn and all("\n" not in part for part in drawn[:-1]), said


def test_a_download_is_shown_as_far_as_it_is(with_daemon):
    nix = with_daemon
    with cache_of(nix, "big") as cache:
        cache.hold()

        def watch(said: str) -> str:
            if "fetching" in said and "MiB" in said:
                cache.go.set()
            return ""

        status, said = nix.at_terminal("run", "--yes", *OFFLINE, "--package", "big", "--", "/bin/sh", "-c", "true", watch=watch)
    assert status == 0 and "MiB" in said
