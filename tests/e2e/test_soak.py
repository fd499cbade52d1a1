"""The soak scripts of tests/soak in short: what survives kill -9 (NET-8, REL-1), what piles up over many starts and ends or with
many boxes at once (REL-2), and a start whose first act fails (NET-6)."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))

import crowds  # noqa: E402
import cycles  # noqa: E402
import leftovers  # noqa: E402
import no_start_race  # noqa: E402
import nothing_survives  # noqa: E402
from network_host import net, where  # noqa: E402, F401


@pytest.mark.parametrize("network, launches", [("internet", 60), ("offline", 40), ("full", 20)])
def test_nothing_survives(where, network, launches):
    killer = nothing_survives.run(where, network, launches)
    assert not killer.problems
    assert len(killer.gone) >= launches


@pytest.mark.parametrize("network, count", [("internet", 30), ("offline", 20)])
def test_nothing_piles_up(where, network, count):
    ended = cycles.run(where, network, count)
    assert not ended.problems
    assert len(ended.times) >= count


def test_crowds(where):
    crowd = crowds.run(where, rounds=1, boxes=12, short=60)
    assert not crowd.problems


@pytest.mark.ordinary_user
def test_short_boxes_wait_for_watches_that_others_have_given_up(where, net):
    """The kernel takes them back some time after a box's end, and counts them until then. With a limit below what a storm of
    boxes has at that moment none fails."""
    limit = "/proc/sys/user/max_inotify_instances"
    before = net.run("host", "cat", limit).stdout
    net.run("host", "sh", "-c", f"echo 3 >{limit}")
    try:
        for _ in range(40):
            done = where.run("/bin/true", network="offline")
            assert done.returncode == 0, done.stderr
    finally:
        net.run("host", "sh", "-c", f"echo {before.strip()} >{limit}")


@pytest.mark.parametrize("network", ["internet", "allowlist"])
def test_no_start_race(where, network):
    problems, _ = no_start_race.run(where, network, 20)
    assert not problems


def test_a_first_act_that_fails_is_seen(where):
    """The probe of the test above, where its name is not allowed."""
    done = where.run(*no_start_race.command(where.host.project), no_start_race.PUBLIC4, no_start_race.PUBLIC6, "a",
                     network="allowlist", options=("--allow", "wild.test"))
    assert done.returncode == 1 and "ok" not in done.stdout.splitlines()


def test_the_picture_shows_what_is_left(where, net):
    """Each kind of thing once."""
    observer = leftovers.Observer(where)
    before = observer.picture()
    assert not leftovers.difference(before, observer.picture())
    space = net.popen("host", "unshare", "--net", "--mount", sys.executable, "-c",
                      "import ctypes, time; kept = ctypes.CDLL(None).inotify_init1(0); print(kept, flush=True); time.sleep(1000)",
                      stdout=subprocess.PIPE, text=True)
    space.stdout.readline()
    try:
        with net.listen("host", "127.0.0.1", 3999), net.changed("link add left0 type veth peer name left1", undo=("link del left0",)):
            net.run("host", "mount", "-t", "tmpfs", "none", "/mnt")
            (where.host.home / "left").touch()
            found = leftovers.difference(before, observer.picture())
    finally:
        net.run("host", "umount", "/mnt", check=False)
        space.kill()
        space.communicate()
    kinds = {line.split(":")[0] for line in found}
    wanted = {"processes", "devices", "mounts", "files", "sockets", "held"}
    assert kinds >= (wanted | {"counted"} if observer.counted else wanted), found
    assert not observer.counted or any("inotify" in line for line in found), found
    (where.host.home / "left").unlink()
    assert not [line for line in leftovers.difference(before, observer.picture()) if "counted" not in line]
