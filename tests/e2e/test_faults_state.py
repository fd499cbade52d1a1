"""State that goes while it is used, and projects that two people use (REL-2)."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import TIMEOUT, Host
from test_instances import Held

FIRST, SECOND, GROUP = 12001, 12002, 12000


@pytest.mark.parametrize("what", ["all", "instance", "home", "renamed"])
def test_state_that_is_deleted_while_a_box_uses_it(host, what):
    state = host.home / ".claudebox"
    with Held(host) as held:
        instance = host.instances()[0]
        if what == "renamed":
            instance.rename(host.root / "elsewhere")
        else:
            shutil.rmtree({"all": state, "instance": instance, "home": instance / "home"}[what])
    assert held.box.returncode == 0
    for _ in range(2):
        done = host.sh("echo kept >>~/note && echo fine")
        assert done.returncode == 0 and done.stdout == "fine\n", done
    assert len(host.instances()) == 1
    assert host.git("status", "--porcelain") == ""


def test_a_deleted_state_does_not_keep_a_box_from_ending(host):
    with Held(host) as held:
        shutil.rmtree(host.home / ".claudebox")
        held.box.send_signal(signal.SIGTERM)
        assert held.box.wait(TIMEOUT) == 128 + signal.SIGTERM
        held.box.communicate()


class Person:
    """A user with a home, who shares a project with the others of the group."""

    def __init__(self, root: pathlib.Path, uid: int, binary: str):
        self.uid = uid
        self.home = root / f"home-{uid}"
        self.home.mkdir(mode=0o700)
        os.chown(self.home, uid, GROUP)
        self.env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "TERM": "dumb"}
        self.binary = binary

    def popen(self, *words: str, cwd: pathlib.Path, **more) -> subprocess.Popen:
        return subprocess.Popen(words, cwd=cwd, env=self.env, user=self.uid, group=GROUP, extra_groups=[], umask=0o002, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def box(self, script: str, cwd: pathlib.Path) -> subprocess.Popen:
        return self.popen(self.binary, "run", "--yes", "--network", "offline", "--", "/bin/sh", "-c", script, cwd=cwd)


@pytest.fixture
def shared(binary):
    """Two people, and a project that both may write. Not below pytest's directory: that is root's alone."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="cbx-shared-"))
    root.chmod(0o755)
    program = shutil.copy(binary, root / "claudebox")
    project = root / "project"
    project.mkdir()
    os.chown(project, FIRST, GROUP)
    project.chmod(0o2775)
    people = [Person(root, uid, program) for uid in (FIRST, SECOND)]
    made = people[0].popen("git", "init", "-q", "--shared=group", cwd=project)
    assert made.wait(TIMEOUT) == 0, made.communicate()
    made.communicate()
    yield project, *people
    shutil.rmtree(root)


@pytest.mark.root
@pytest.mark.parametrize("first_out", [0, 1])
def test_two_users_with_one_project(shared, first_out):
    """Each has an instance of his own; the protection of .git holds until the last one is out, and then nothing is left of it."""
    project, *people = shared
    before = sorted(str(path) for path in project.rglob("*"))
    attack = 'echo up; read line; echo x >>.git/config; echo x >.git/commondir; echo "$line" >"by-$(id -u)"; cat ~/note; echo "$line" >~/note'
    boxes = []
    for person in people:
        box = person.box(attack, project)
        assert box.stdout.readline() == "up\n", box.communicate()[1]
        boxes.append(box)
    for number in (first_out, 1 - first_out):
        out, error = boxes[number].communicate(f"word-{number}\n", timeout=TIMEOUT)
        assert boxes[number].returncode == 0, error
        assert "word-" not in out, "a home of one's own"
        assert error.count("Read-only file system") == 2, error
        assert (project / f"by-{people[number].uid}").stat().st_uid == people[number].uid
    assert "x\n" not in (project / ".git/config").read_text()
    after = {str(path) for path in project.rglob("*")} - set(before)
    assert after == {f"{project}/by-{FIRST}", f"{project}/by-{SECOND}"}
    for number, person in enumerate(people):
        again = person.box("cat ~/note", project)
        assert again.communicate(timeout=TIMEOUT)[0] == f"word-{number}\n"
