"""The soak scripts of tests/soak in short: what survives kill -9 (NET-8, REL-1), and a start whose first act fails (NET-6)."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))

import leftovers  # noqa: E402
import no_start_race  # noqa: E402
import nothing_survives  # noqa: E402
from network_host import net, where  # noqa: E402, F401


@pytest.mark.parametrize("network, launches", [("internet", 60), ("offline", 40), ("full", 20)])
def test_nothing_survives(where, network, launches):
    killer = nothing_survives.run(where, network, launches)
    assert not killer.problems
    assert len(killer.gone) >= launches


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
    space = net.popen("host", "unshare", "--net", "--mount", "sleep", "1000")
    try:
        with net.listen("host", "127.0.0.1", 3999), net.changed("link add left0 type veth peer name left1", undo=("link del left0",)):
            net.run("host", "mount", "-t", "tmpfs", "none", "/mnt")
            (where.host.home / "left").touch()
            found = leftovers.difference(before, observer.picture())
    finally:
        net.run("host", "umount", "/mnt", check=False)
        space.kill()
        space.wait()
    kinds = {line.split(":")[0] for line in found}
    wanted = {"processes", "devices", "mounts", "files", "sockets", "held"}
    assert kinds >= (wanted | {"namespaces"} if observer.counted else wanted), found
    (where.host.home / "left").unlink()
    assert not [line for line in leftovers.difference(before, observer.picture()) if "namespaces" not in line]
