"""Disks that are full, or read-only, at any moment of a start (REL-2): a box works or claudebox says why there is none, what was
there stays whole, and with room again everything goes on. The fixture `where` fails whatever leaves a process behind."""

from __future__ import annotations

import json
import pathlib

import pytest

import faults
from network_host import net, where  # noqa: F401

NO_SPACE = "ENOSPC"


def start(where, *options: str):
    return where.run(*faults.ECHO, network="offline", options=options)


def state(where) -> dict[str, bytes]:
    """Every file of the state directory but records of sessions, seen from the test's host."""
    root = where.host.home / ".claudebox"
    script = ("import json, pathlib, sys; root = pathlib.Path(sys.argv[1])\n"
              "print(json.dumps({str(p.relative_to(root)): p.read_text() for p in root.rglob('*')\n"
              "    if p.is_file() and not {'sessions', 'holders'} & set(p.parts)}))")
    return json.loads(where.net.run("host", "/usr/bin/python3", "-S", "-c", script, str(root)).stdout)


def half_made(where) -> list[str]:
    """What only exists while something is written or made."""
    found = where.net.run("host", "find", str(where.host.home / ".claudebox"), "(", "-name", ".*.new-*", "-o", "-name", ".new*", ")")
    return found.stdout.split()


@pytest.mark.parametrize("what", ["blocks", "inodes"])
def test_a_first_start_on_a_disk_that_fills_up(where, what):
    """At every amount of room, from none to enough."""
    results = []
    for amount in range(1, 30):
        limits = {"size": f"{amount * 4}k"} if what == "blocks" else {"inodes": amount}
        with faults.small_disk(where, where.host.home / ".claudebox", **limits) as remount:
            results.append(faults.worked(start(where), NO_SPACE))
            if not results[-1]:
                assert not half_made(where), amount
                remount(size="1m", inodes=1000)
                done = start(where)
                assert done.returncode == 0, (amount, done)
        if results[-3:] == [True] * 3:
            break
    assert not results[0] and results[-1], results


@pytest.mark.parametrize("what", ["blocks", "inodes"])
def test_a_later_start_on_a_full_disk_loses_nothing(where, what):
    """Nothing can be made or changed; the state is that of before."""
    with faults.small_disk(where, where.host.home / ".claudebox") as remount:
        assert start(where).returncode == 0
        before = state(where)
        assert any(name.endswith("instance.json") for name in before)
        used = where.net.run("host", "df", "--output=used" if what == "blocks" else "--output=iused", "-k", str(where.host.home / ".claudebox"))
        full = int(used.stdout.split()[1])
        remount(**({"size": f"{full}k"} if what == "blocks" else {"inodes": full}))
        # A new grant is written down, too.
        assert not faults.worked(start(where, "--env", "NEW=1"), NO_SPACE)
        assert state(where) == before and not half_made(where)
        remount()
        assert faults.worked(start(where), NO_SPACE)


def test_a_disk_that_fills_up_while_the_box_runs(where):
    """That is the command's to deal with; the end of the box is as ever."""
    with faults.small_disk(where, where.host.home / ".claudebox", size="64k"):
        done = where.host.box("run", "--yes", "--network", "offline", "--", "/bin/sh", "-c",
                              "cat /dev/zero >~/zero 2>/dev/null; echo over", preexec_fn=where.enter)
        assert done.returncode == 0 and done.stdout == "over\n", done
        faults.worked(start(where), NO_SPACE)
        where.net.run("host", "find", str(where.host.home / ".claudebox"), "-name", "zero", "-delete")
        assert faults.worked(start(where), NO_SPACE)


@pytest.mark.parametrize("what", ["blocks", "inodes"])
def test_a_project_on_a_full_disk(where, what):
    """It takes two inert files in .git to protect it: without room for them there is no box."""
    project = where.host.home / "small"
    with faults.small_disk(where, project) as remount:
        where.net.run("host", "git", "-C", str(project), "-c", "safe.directory=*", "init", "-q")
        used = where.net.run("host", "df", "--output=used" if what == "blocks" else "--output=iused", "-k", str(project))
        full = int(used.stdout.split()[1])
        before = where.net.run("host", "find", str(project)).stdout
        remount(**({"size": f"{full}k"} if what == "blocks" else {"inodes": full}))
        assert not faults.worked(where.run(*faults.ECHO, network="offline", cwd=None, options=("--project", str(project))), NO_SPACE)
        assert where.net.run("host", "find", str(project)).stdout == before
        remount()
        assert faults.worked(where.run(*faults.ECHO, network="offline", options=("--project", str(project))), NO_SPACE)
        assert where.net.run("host", "find", str(project)).stdout == before


def test_full_and_read_only_temporary_directories(where):
    """A box needs none of the host's."""
    temporary = where.host.root / "temporary"
    where.host.env["TMPDIR"] = str(temporary)
    with faults.small_disk(where, temporary, size="4k", inodes=1) as remount:
        for more in ("rw", "ro"):
            remount(size="4k", inodes=1, more=more)
            for network in ("offline", "internet"):
                assert where.sh('echo "$TMPDIR"; touch "${TMPDIR:-/tmp}/x" && echo fine', network=network).stdout.endswith("fine\n")


def test_a_read_only_home_with_state_elsewhere(where):
    """What the message about a read-only home says works."""
    elsewhere = where.host.root / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    project = where.host.repository(where.host.root / "project")
    run = where.net.run
    home = str(where.host.home)
    run("host", "mount", "--bind", home, home)
    try:
        run("host", "mount", "-o", "remount,bind,ro", home)
        done = where.run(*faults.ECHO, network="offline", cwd=project)
        assert not faults.worked(done, "EROFS") and "CLAUDEBOX_HOME" in done.stderr
        where.host.env["CLAUDEBOX_HOME"] = str(elsewhere)
        done = where.sh("touch ~/x made && echo fine", network="offline", cwd=project)
        assert done.stdout == "fine\n", done
        assert (project / "made").exists()
    finally:
        run("host", "umount", "-l", home)
    assert not [path for path in pathlib.Path(home).iterdir() if path.name == ".claudebox"]
