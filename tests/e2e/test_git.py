"""Git in a box: it works, and nothing that the box leaves in a repository runs on the host.

Every attack is made twice: without a box, where the host's git must run the payload (or the test would prove nothing),
and in a box, where it must not, neither while the box lives nor after it.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import time
from typing import Callable

import pytest

from conftest import TIMEOUT


# --- repositories to attack ------------------------------------------------------------------------------------------


def plain(host) -> pathlib.Path:
    return host.project


def without_hooks(host) -> pathlib.Path:
    for sample in (host.project / ".git/hooks").iterdir():
        sample.unlink()
    (host.project / ".git/hooks").rmdir()
    return host.project


def with_worktree_config(host) -> pathlib.Path:
    host.git("config", "extensions.worktreeConfig", "true")
    return host.project


def with_linked(host) -> pathlib.Path:
    host.git("worktree", "add", "-q", "-b", "second", str(host.home / "second"))
    return host.project


def in_linked(host) -> pathlib.Path:
    with_linked(host)
    return host.home / "second"


def with_linked_inside(host) -> pathlib.Path:
    host.git("worktree", "add", "-q", "-b", "inside", "trees/inside")
    return host.project


def with_submodule(host) -> pathlib.Path:
    library = host.repository(host.home / "library")
    host.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    host.git("commit", "-qm", "With a submodule")
    return host.project


def in_submodule(host) -> pathlib.Path:
    return with_submodule(host) / "lib"


def with_hooks_path(host) -> pathlib.Path:
    host.write("project/tools/hooks/post-commit", "#!/bin/sh\n", 0o755)
    host.git("config", "core.hooksPath", "tools/hooks")
    return host.project


def with_hooks_path_of_the_host(host) -> pathlib.Path:
    host.write("project/tools/hooks/post-commit", "#!/bin/sh\n", 0o755)
    host.git("config", "--global", "core.hooksPath", "tools/hooks")
    return host.project


def with_linked_hook(host) -> pathlib.Path:
    host.write("project/tools/hooks/post-commit", "#!/bin/sh\n", 0o755)
    (host.project / ".git/hooks/post-commit").symlink_to("../../tools/hooks/post-commit")
    return host.project


def with_hooks_as_a_link(host) -> pathlib.Path:
    without_hooks(host)
    host.write("project/tools/hooks/post-commit", "#!/bin/sh\n", 0o755)
    (host.project / ".git/hooks").symlink_to("../tools/hooks")
    return host.project


def with_include(host) -> pathlib.Path:
    host.write("project/tools/gitconfig", "")
    host.git("config", "include.path", "../tools/gitconfig")
    return host.project


def with_filter(host) -> pathlib.Path:
    host.write("project/tools/clean", "#!/bin/sh\ncat\n", 0o755)
    host.write("project/.gitattributes", "*.data filter=x\n")
    host.git("config", "filter.x.clean", "tools/clean")
    host.write("project/some.data", "x\n")
    return host.project


def dotfiles(host) -> pathlib.Path:
    """The host's own configuration is a file of the project."""
    (host.home / ".gitconfig").rename(host.project / "gitconfig")
    (host.home / ".gitconfig").symlink_to(host.project / "gitconfig")
    return host.project


def directory_of_clones(host) -> pathlib.Path:
    host.repository(host.home / "clones/one")
    return host.home / "clones"


def bare_layout(host) -> pathlib.Path:
    """layout/.bare, layout/.git that names it, layout/main."""
    top = host.home / "layout"
    top.mkdir()
    host.git("clone", "-q", "--bare", str(host.project), str(top / ".bare"))
    (top / ".git").write_text("gitdir: ./.bare\n")
    host.git("worktree", "add", "-q", "-b", "feature", str(top / "feature"), cwd=top)
    return top


def git_as_a_link(host) -> pathlib.Path:
    (host.project / ".git").rename(host.project / ".repo")
    (host.project / ".git").symlink_to(".repo")
    return host.project


# --- attacks ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Attack:
    name: str
    script: str  # run with sh in the project; $PAYLOAD is a program whose run is noticed on the host only
    commands: list[str]  # the host's, in the project
    setup: Callable = plain
    ends: bool = False  # the box is ended for it: what can't be covered is watched

    def __str__(self):
        return self.name


EVIL = 'rm -rf evil; cp -r .git evil; git config -f evil/config core.fsmonitor "$PAYLOAD"; printf "../evil\\n" > c; '
KEY = 'core.fsmonitor "$PAYLOAD"'
HOOK = 'printf "#!/bin/sh\\nexec \\"$PAYLOAD\\"\\n" > hook; chmod +x hook; '
COMMIT = "git commit -q --allow-empty -m x"
MODULE = ".git/modules/lib"
COMMON = 'common=$(git rev-parse --git-common-dir); rm -rf evil; cp -r "$common" evil; ' \
         'git config -f evil/config core.bare false; git config -f evil/config --unset core.worktree; ' \
         'git config -f evil/config core.fsmonitor "$PAYLOAD"; git -C "$PWD" rev-parse HEAD > evil/HEAD; '
EXCHANGE = 'python3 -c \'import ctypes; print(ctypes.CDLL(None, use_errno=True).renameat2(-100, b"%s", -100, b"%s", 2))\''

ATTACKS = [
    # .git/commondir, made in every way that makes a name
    Attack("commondir-written", EVIL + "cp c .git/commondir", ["git status"]),
    Attack("commondir-made-anew", EVIL + "rm -f .git/commondir; cp c .git/commondir", ["git status"]),
    Attack("commondir-renamed-over", EVIL + "mv -f c .git/commondir", ["git status"]),
    Attack("commondir-linked", EVIL + "ln -f c .git/commondir", ["git status"]),
    Attack("commondir-symlink", EVIL + "ln -sf ../c .git/commondir", ["git status"]),
    Attack("commondir-exchanged", EVIL + "touch .git/commondir; " + EXCHANGE % ("c", ".git/commondir"), ["git status"]),
    # the git directory, moved away and made anew
    Attack("git-moved", f"mv .git x && cp -r x .git; git config -f .git/config {KEY}", ["git status"]),
    Attack("git-moved-hook", HOOK + "mv .git x && cp -r x .git; cp hook .git/hooks/post-commit", [COMMIT]),
    Attack("git-removed", f"cp -r .git x; rm -rf .git; mv x .git; git config -f .git/config {KEY}", ["git status"]),
    Attack("git-exchanged", "cp -r .git x; " + f"git config -f x/config {KEY}; " + EXCHANGE % ("x", ".git"),
           ["git status"]),
    # its configuration
    Attack("config-by-git", f"git config {KEY}", ["git status"]),
    Attack("config-written", 'printf "[core]\\n\\tfsmonitor = %s\\n" "$PAYLOAD" >> .git/config', ["git status"]),
    Attack("config-renamed-over", f"cp .git/config c; git config -f c {KEY}; mv -f c .git/config", ["git status"]),
    Attack("config-made-anew", f"cp .git/config c; git config -f c {KEY}; rm -f .git/config; cp c .git/config",
           ["git status"]),
    Attack("config-worktree", f"git config -f .git/config.worktree {KEY}", ["git status"], with_worktree_config),
    Attack("config-worktree-for-later", f"git config -f .git/config.worktree {KEY}",
           ["git config extensions.worktreeConfig true", "git status"]),
    # hooks
    Attack("hook-new", HOOK + "cp hook .git/hooks/post-commit", [COMMIT]),
    Attack("hooks-missing", HOOK + "mkdir -p .git/hooks; cp hook .git/hooks/post-commit", [COMMIT], without_hooks),
    Attack("hooks-moved", HOOK + "mv .git/hooks x; mkdir .git/hooks; cp hook .git/hooks/post-commit", [COMMIT]),
    Attack("hooks-path", HOOK + "cp hook tools/hooks/post-commit", [COMMIT], with_hooks_path),
    Attack("hooks-path-moved", HOOK + "mv tools x; mkdir -p tools/hooks; cp hook tools/hooks/post-commit", [COMMIT],
           with_hooks_path),
    Attack("hooks-path-of-the-host", HOOK + "cp hook tools/hooks/post-commit", [COMMIT], with_hooks_path_of_the_host),
    Attack("hook-through-a-link", HOOK + "cp hook tools/hooks/post-commit", [COMMIT], with_linked_hook),
    Attack("hooks-through-a-link", HOOK + "cp hook tools/hooks/post-commit; rm .git/hooks; mkdir .git/hooks; "
           "cp hook .git/hooks/post-commit", [COMMIT], with_hooks_as_a_link),
    # what the configuration names
    Attack("include", f"git config -f tools/gitconfig {KEY}", ["git status"], with_include),
    Attack("include-moved", f"mv tools x; mkdir tools; git config -f tools/gitconfig {KEY}", ["git status"],
           with_include),
    Attack("filter", 'printf "#!/bin/sh\\n\\"$PAYLOAD\\"\\ncat\\n" > tools/clean', ["git add some.data"], with_filter),
    Attack("dotfiles", f"git config -f gitconfig {KEY}", ["git status"], dotfiles),
    # older places for URLs
    Attack("remotes", HOOK + 'git init -q --bare e.git; cp hook e.git/hooks/pre-receive; mkdir -p .git/remotes; '
           'printf "URL: %s/e.git\\n" "$PWD" > .git/remotes/origin', ["git push origin HEAD:refs/heads/x$$"]),
    Attack("branches", HOOK + 'git init -q --bare e.git; cp hook e.git/hooks/pre-receive; mkdir -p .git/branches; '
           'printf "%s/e.git#x\\n" "$PWD" > .git/branches/origin', ["git push origin HEAD:refs/heads/x$$"]),
    # linked work trees
    Attack("worktree-commondir", EVIL + 'printf "%s/evil\\n" "$PWD" > .git/worktrees/second/commondir',
           ["git -C ../second status"], with_linked),
    Attack("worktree-moved", EVIL + 'mv .git/worktrees x; cp -r x .git/worktrees; printf "%s/evil\\n" "$PWD" > '
           ".git/worktrees/second/commondir", ["git -C ../second status"], with_linked),
    Attack("worktree-one-moved", EVIL + 'cd .git/worktrees; mv second x; cp -r x second; '
           'printf "%s/../../evil\\n" "$PWD" > second/commondir; cd ../..', ["git -C ../second status"], with_linked),
    Attack("worktree-config", f"git config -f .git/worktrees/second/config.worktree {KEY}",
           ["git config extensions.worktreeConfig true", "git -C ../second status"], with_linked),
    Attack("worktree-git-file", COMMON + 'rm -f .git; printf "gitdir: %s/evil\\n" "$PWD" > .git', ["git status"],
           in_linked),
    Attack("worktree-common-config", f'git config -f "$(git rev-parse --git-common-dir)/config" {KEY}',
           ["git status", "git -C ../project status"], in_linked),
    Attack("worktree-common-hook", HOOK + 'cp hook "$(git rev-parse --git-common-dir)/hooks/post-commit"', [COMMIT],
           in_linked),
    Attack("worktree-common-redirect", 'common=$(git rev-parse --git-common-dir); cp -r "$common" evil; '
           f'git config -f evil/config {KEY}; printf "%s/evil\\n" "$PWD" > "$common/commondir"',
           ["git -C ../project status"], in_linked),
    Attack("worktree-inside", EVIL + 'rm -f trees/inside/.git; printf "gitdir: %s/evil\\n" "$PWD" > trees/inside/.git',
           ["git -C trees/inside status"], with_linked_inside),
    Attack("worktree-inside-moved", EVIL + 'mv trees x; cp -r x trees; rm -f trees/inside/.git; '
           'printf "gitdir: %s/evil\\n" "$PWD" > trees/inside/.git', ["git -C trees/inside status"],
           with_linked_inside),
    # submodules
    Attack("module-config", f"git config -f {MODULE}/config {KEY}", ["git status", "git -C lib status"],
           with_submodule),
    Attack("module-hook", HOOK + f"mkdir -p {MODULE}/hooks; cp hook {MODULE}/hooks/post-commit",
           ["git -C lib commit -q --allow-empty -m x"], with_submodule),
    Attack("module-moved", f"mv {MODULE} x; cp -r x {MODULE}; git config -f {MODULE}/config {KEY}",
           ["git -C lib status"], with_submodule),
    Attack("modules-moved", f"mv .git/modules x; cp -r x .git/modules; git config -f {MODULE}/config {KEY}",
           ["git -C lib status"], with_submodule),
    Attack("module-git-file", f'cp -r {MODULE} evil; git config -f evil/config core.worktree "$PWD/lib"; '
           f'git config -f evil/config {KEY}; rm -f lib/.git; printf "gitdir: ../evil\\n" > lib/.git',
           ["git -C lib status", "git status"], with_submodule),
    Attack("module-tree-moved", f'cp -r {MODULE} evil; git config -f evil/config core.worktree "$PWD/lib"; '
           f'git config -f evil/config {KEY}; mv lib x; cp -r x lib; rm -f lib/.git; '
           'printf "gitdir: ../evil\\n" > lib/.git', ["git -C lib status"], with_submodule),
    Attack("module-commondir", f'cp -r {MODULE} evil; git config -f evil/config core.worktree "$PWD/lib"; '
           f'git config -f evil/config {KEY}; printf "%s/evil\\n" "$PWD" > {MODULE}/commondir',
           ["git -C lib status"], with_submodule, ends=True),
    Attack("in-module-config", f'git config -f "$(git rev-parse --git-dir)/config" {KEY}', ["git status"],
           in_submodule),
    Attack("in-module-git-file", COMMON + 'rm -f .git; printf "gitdir: evil\\n" > .git', ["git status"], in_submodule),
    # other layouts
    Attack("clone-config", f"git config -f one/.git/config {KEY}", ["git -C one status"], directory_of_clones),
    Attack("clone-moved", f"mv one x; cp -r x one; git config -f one/.git/config {KEY}", ["git -C one status"],
           directory_of_clones),
    Attack("bare-config", f"git config -f .bare/config {KEY}", ["git -C feature status"], bare_layout),
    Attack("bare-moved", f"mv .bare x; cp -r x .bare; git config -f .bare/config {KEY}", ["git -C feature status"],
           bare_layout),
    Attack("bare-worktree-git-file", 'cp -r .bare evil; git config -f evil/config core.bare false; '
           f'git config -f evil/config {KEY}; rm -f feature/.git; printf "gitdir: ../evil\\n" > feature/.git',
           ["git -C feature status"], bare_layout),
    Attack("bare-commondir", 'cp -r .bare evil; git config -f evil/config core.bare false; '
           f'git config -f evil/config core.worktree "$PWD"; git config -f evil/config {KEY}; '
           'printf "%s/evil\\n" "$PWD" > .bare/commondir', ["git status"], bare_layout, ends=True),
    Attack("git-is-a-link", f"git config -f .repo/config {KEY}", ["git status"], git_as_a_link),
]


class Range:
    """A repository with a payload in it, and what the host does there."""

    def __init__(self, host, attack: Attack):
        self.host = host
        self.attack = attack
        # A prompt or an editor asks for the status; nothing else of the machine may answer.
        host.env["GIT_CONFIG_NOSYSTEM"] = "1"
        self.project = attack.setup(host)
        self.mark = host.root / "ran"
        payload = self.project / "payload"
        payload.write_text(f'#!/bin/sh\necho "$0" >> "{self.mark}"\n')
        payload.chmod(0o755)
        self.script = f'PAYLOAD=$PWD/payload\n{attack.script}\n'

    def use_git(self) -> None:
        for command in self.attack.commands:
            subprocess.run(["/bin/sh", "-c", command], cwd=self.project, env=self.host.env, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=TIMEOUT)

    def ran(self) -> bool:
        return self.mark.exists()


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_without_a_box_it_runs(host, attack):
    at = Range(host, attack)
    subprocess.run(["/bin/sh", "-c", at.script], cwd=at.project, env=host.env, capture_output=True, timeout=TIMEOUT)
    at.use_git()
    assert at.ran()


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_in_a_box_nothing_runs_on_the_host(host, attack):
    at = Range(host, attack)
    wait = ": > planted\nfor i in $(seq 1200); do [ -e go ] && exit 7; sleep 0.05; done\n"
    box = host.popen("run", "--yes", "--network", "offline", "--", "/bin/sh", "-c", f"{at.script}\n{wait}",
                     cwd=at.project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                     text=True)
    try:
        if not attack.ends:
            deadline = time.monotonic() + TIMEOUT
            while not (at.project / "planted").exists():
                assert box.poll() is None and time.monotonic() < deadline, box.communicate()[1]
                time.sleep(0.02)
            at.use_git()
            assert not at.ran(), "the host's git ran it while the box lived"
            (at.project / "go").touch()
        _, said = box.communicate(timeout=TIMEOUT)
    finally:
        box.kill()
        box.wait()
    if attack.ends:
        assert box.returncode == 125 and "the box was ended" in said, said
    elif not attack.commands[0].startswith("git config"):  # which replaces .git/config, and so ends the box
        assert box.returncode == 7, said
    at.use_git()
    assert not at.ran(), "the host's git ran it after the box"


# --- what is reported ------------------------------------------------------------------------------------------------


REPORTED = {
    "new-repository": ("git init -q deep/down", r"deep/down/\.git: new"),
    "new-submodule": ("git init -q sub && git -C sub commit -q --allow-empty -m x && git add sub", r"sub/\.git: new"),
    "new-bare-repository": ("git init -q --bare deep/mirror", r"deep/mirror: new"),
    "new-work-tree": ("git worktree add -q -b x tree", r"tree/\.git: new"),
    "rebase": ("echo y > f; git add f; git commit -qm y; GIT_SEQUENCE_EDITOR='echo break >' git rebase -q -i HEAD~1",
               r"git-rebase-todo: new"),
    "envrc": ("echo true > .envrc", r"\.envrc: new"),
}


@pytest.mark.parametrize("name", REPORTED)
def test_what_may_run_later_is_reported(host, name):
    script, expected = REPORTED[name]
    done = host.sh(script)
    assert done.returncode == 0, done.stderr
    assert re.search(expected, done.stderr), done.stderr
    time.sleep(0.05)  # what is new is told by its time, in ticks of the kernel's clock
    assert not re.search(expected, host.sh("true").stderr), "reported by the box that made it, not by the next"


def test_honest_work_is_not_reported(host):
    done = host.sh("echo y > f; git add f; git commit -qm y; git checkout -q -b other; git gc -q")
    assert done.returncode == 0, done.stderr
    assert "changed in the project" not in done.stderr


# --- git works -------------------------------------------------------------------------------------------------------


@pytest.fixture
def clone(host):
    """A clone with a remote that the box may write, and a branch of the remote's to start from."""
    origin = host.home / "origin.git"
    host.git("clone", "-q", "--bare", str(host.project), str(origin))
    host.git("branch", "feature", cwd=origin)
    at = host.home / "clone"
    host.git("clone", "-q", str(origin), str(at))
    host.git("branch", "old", cwd=at)
    return at, ("--mount", f"{origin}:rw")


COMMANDS = {
    "git checkout -q -b x origin/feature": 0,
    "git switch -q -c x --track origin/feature": 0,
    "git push -q -u origin HEAD:refs/heads/new": 0,
    "git branch -q -d old": 0,
    "git commit -q --allow-empty -m x": 0,
    "git pull -q": 0,
    "git fetch -q": 0,
    "git rebase -q origin/feature": 0,
    "echo x > README && git stash -q && git stash pop -q && git checkout -q README": 0,
    "git gc -q": 0,
    "git fsck": 0,
    "git worktree add -q ../clone/tree origin/feature && git worktree remove tree": 0,
    "git submodule init": 0,
    "git tag x && git notes add -m n && git cherry-pick --keep-redundant-commits -x HEAD": 0,
    "git merge -q --no-ff origin/feature": 0,
    "git clone -q . /tmp/copy": 0,
    "git remote add other /nowhere": 128,
    "git branch -m old new": 128,
    "git config user.name other": 4,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_and_their_status(host, clone, command):
    at, options = clone
    done = host.sh(command, cwd=at, options=options)
    assert done.returncode == COMMANDS[command], done.stderr
    if COMMANDS[command] == 0 and "--track" not in command and "-u " not in command and "-d " not in command:
        assert "could not write config" not in done.stderr
    assert host.git("status", "--porcelain", cwd=at) == ""
    assert host.git("fsck", "--strict", cwd=at) is not None


def test_status_is_clean_and_stubs_go(host):
    before = sorted(os.listdir(host.project / ".git"))
    done = host.sh("git status --porcelain; ls -A .git")
    assert done.returncode == 0, done.stderr
    assert {"commondir", "config.worktree", "remotes"} <= set(done.stdout.split())
    assert not re.search(r"^(\?\?|.M) ", done.stdout, re.MULTILINE)
    assert sorted(os.listdir(host.project / ".git")) == before
    assert host.git("status", "--porcelain") == ""


def test_stubs_of_a_killed_box_are_harmless_and_taken_over(host):
    host.git("commit", "-q", "--allow-empty", "-m", "On the host")
    before = sorted(os.listdir(host.project / ".git"))
    box = host.popen("run", "--yes", "--network", "offline", "--", "/bin/sh", "-c", "echo up; sleep 60",
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert box.stdout.readline() == "up\n"
    box.send_signal(signal.SIGKILL)
    box.wait()
    box.stdout.close()
    assert (host.project / ".git/commondir").read_text() == "../.git\n"
    assert host.git("status", "--porcelain") == ""
    host.git("commit", "-q", "--allow-empty", "-m", "On the host")
    deadline = time.monotonic() + TIMEOUT
    while host.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert host.sh("git commit -q --allow-empty -m 'In the box'").returncode == 0
    assert sorted(os.listdir(host.project / ".git")) == before


def test_the_person_and_nothing_else_of_the_hosts_configuration(host):
    host.write(".gitconfig", '[user]\n\tname = "A \\"B\\" C"\n\temail = a@example.org\n[credential]\n\thelper = store\n'
               "[alias]\n\tx = !true\n[url \"git@example.org:\"]\n\tinsteadOf = https://example.org/\n"
               "[includeIf \"gitdir:~/project/\"]\n\tpath = work.inc\n")
    host.write("work.inc", "[user]\n\temail = work@example.org\n")
    done = host.sh("git config user.name; git config user.email; git config --global --list; "
                   "git config --system --list | grep -E 'credential|alias|url'; git config --show-origin user.name")
    assert done.stdout.splitlines() == ['A "B" C', "work@example.org", "file:/etc/gitconfig\tA \"B\" C"], done.stdout


# --- the host while a box lives --------------------------------------------------------------------------------------


def test_a_configuration_that_the_host_replaces_ends_the_box(host):
    """The kernel takes the cover away with the file that it covers; the box must not live on with the new one."""
    box = host.popen("run", "--yes", "--network", "offline", "--", "/bin/sh", "-c", "echo up; sleep 60",
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert box.stdout.readline() == "up\n"
    host.git("config", "user.nickname", "x")
    _, said = box.communicate(timeout=TIMEOUT)
    assert box.returncode == 125
    assert ".git/config was replaced" in said
    assert host.git("config", "user.nickname") == "x\n"  # the user's own change stays


def test_hosts_git_in_the_way_of_work_does_not_end_the_box(host):
    box = host.popen("run", "--yes", "--network", "offline", "--", "/bin/sh", "-c",
                     "echo up; while [ ! -e go ]; do sleep 0.05; done; git status", stdin=subprocess.DEVNULL,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert box.stdout.readline() == "up\n"
    for command in (["commit", "-q", "--allow-empty", "-m", "x"], ["checkout", "-q", "-b", "y"], ["gc", "-q"],
                    ["worktree", "add", "-q", "../other"], ["worktree", "remove", "../other"], ["stash"]):
        host.git(*command)
    (host.project / "go").touch()
    _, said = box.communicate(timeout=TIMEOUT)
    assert box.returncode == 0, said


# --- nested namespaces -----------------------------------------------------------------------------------------------


@pytest.mark.ordinary_user
def test_a_nested_namespace_does_not_lift_a_cover(host):
    """The covers are locked together with what they lie on (mount_namespaces(7), "Restrictions")."""
    before = (host.project / ".git/config").read_text()
    done = host.sh("""
        unshare -Urm true || exit 9
        unshare -Urm sh -c '
            umount .git/config; umount -l .git/config; umount -l .git; umount -l "$PWD"
            mkdir -p /tmp/m; mount --bind .git /tmp/m && echo evil >> /tmp/m/config
            mount -o remount,rw,bind .git/config
            mount --move .git/config /tmp/m
            echo evil >> .git/config
        '
        unshare -Urm sh -c 'mount --bind "$PWD" /mnt && echo evil >> /mnt/.git/config'
        exit 0""")
    assert done.returncode == 0, done.stderr
    assert (host.project / ".git/config").read_text() == before
