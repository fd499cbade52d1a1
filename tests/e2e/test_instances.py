"""Instances with real boxes: what is kept and from whom, who holds it, what an earlier box can leave behind
(INST-1 to INST-6). The commands' own output is test_cli.py's."""

from __future__ import annotations

import json
import os
import pathlib
import re
import resource
import signal
import stat
import subprocess
import time

import pytest

from conftest import TIMEOUT, need


def instance(host, **more) -> pathlib.Path:
    """The directory of the project's instance."""
    done = host.box("instance", "path", **more)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.rstrip("\n"))


class Held:
    """A box that lives until it is let go."""

    def __init__(self, host, *options, cwd=None, mark="ready"):
        self.ready = (cwd or host.project) / mark
        self.box = host.popen("run", "--yes", "--network", "offline", *options, "--", "sh", "-c",
                              f"touch {mark}; read line", cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        self.pid = self.box.pid

    def __enter__(self):
        deadline = time.monotonic() + 30
        while not self.ready.exists():
            assert self.box.poll() is None, self.box.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        if self.box.poll() is None:
            self.box.communicate("\n", timeout=TIMEOUT)
        self.ready.unlink(missing_ok=True)

    def kill(self):
        self.box.send_signal(signal.SIGKILL)
        self.box.communicate(timeout=TIMEOUT)


# --- what is kept, and from whom -----------------------------------------------------------------------------------


def test_the_home_is_kept_and_private_to_the_project(host):
    other = host.repository(host.home / "other")
    assert host.sh("echo mine > ~/note").returncode == 0
    assert host.sh("cat ~/note").stdout == "mine\n"
    assert host.sh("cat ~/note", cwd=other).returncode != 0
    assert host.sh("cat ~/note", options=("--instance", "beside")).returncode != 0
    assert not (host.home / "note").exists()
    assert len(host.instances()) == 3


def test_a_subdirectory_has_the_instance_of_its_project(host):
    (host.project / "deep/er").mkdir(parents=True)
    host.sh("echo mine > ~/note")
    done = host.sh("cat ~/note; pwd", cwd=host.project / "deep/er")
    assert done.stdout == f"mine\n{host.project}/deep/er\n"
    assert len(host.instances()) == 1


def test_a_box_sees_nothing_of_its_instance_but_the_home(host):
    done = host.sh("ls -A ~/.claudebox ~/.. / 2>/dev/null; cat /proc/self/mountinfo; ls -A ~")
    host.sh("true")
    words = done.stdout.split()
    for name in ("instance.json", "holders", "lock", "approved"):
        assert name not in words
    assert host.sh("ls ~/.claudebox").returncode != 0


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_everything_is_private_whatever_the_umask(host, umask):
    host.box("run", "--yes", "--network", "offline", "--", "sh", "-c", "umask; true", umask=umask)
    directory = instance(host)
    for path in (host.home / ".claudebox", directory.parent, directory, directory / "home"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for file in directory.rglob("*"):
        if file.is_file():
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_the_manifest_says_whose_it_is(host):
    host.sh("true")
    manifest = json.loads((instance(host) / "instance.json").read_text())
    assert manifest["schema"] == 1
    assert manifest["canonical_root"] == str(host.project)
    assert manifest["uid"] == os.getuid()
    assert abs(manifest["created"] - time.time()) < 60


# --- who holds it --------------------------------------------------------------------------------------------------


def test_kill_9_frees_the_instance_at_once(host):
    for _ in range(10):
        with Held(host) as held:
            assert host.sh("true").returncode == 125
            held.kill()
            done = host.sh("true")
            assert done.returncode == 0, done.stderr
    assert list((instance(host) / "holders").iterdir()) == []


def test_of_two_starts_at_once_exactly_one_runs(host):
    for round_ in range(10):
        starts = [host.popen("run", "--yes", "--network", "offline", "--", "sh", "-c", f"echo >> ran-{round_}; sleep 1",
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                  for _ in range(3)]
        ends = sorted((start.communicate(timeout=TIMEOUT)[1], start.returncode) for start in starts)
        assert sorted(code for _, code in ends) == [0, 125, 125], ends
        assert (host.project / f"ran-{round_}").read_text() == "\n"


def test_force_shares_and_the_last_one_out_frees_it(host):
    with Held(host) as first, Held(host, "--force", mark="second") as second:
        assert host.sh("true").returncode == 125
        first.kill()
        done = host.sh("true")
        assert done.returncode == 125 and f"process {second.pid} " in done.stderr
        assert f"process {first.pid} " not in done.stderr
        # Neither rm nor gc takes what the sharing one lives on.
        (host.project / ".git").rename(host.root / "git")
        assert host.box("instance", "rm", instance(host).name).returncode == 1
        (host.root / "git").rename(host.project / ".git")
    assert host.sh("true").returncode == 0


def test_a_parallel_instance_beside_a_live_one(host):
    with Held(host):
        done = host.sh("echo beside > ~/note", options=("--instance", "review"))
        assert done.returncode == 0
    assert host.sh("cat ~/note").returncode != 0
    assert host.sh("cat ~/note", options=("--instance", "review")).stdout == "beside\n"
    assert sorted(len(path.name) for path in host.instances()) == [16, 16 + len("-review")]


def test_gc_leaves_a_live_one_whose_project_is_gone(host):
    with Held(host) as held:
        host.project.rename(host.root / "moved")
        done = host.box("instance", "gc", cwd="/")
        assert done.returncode == 0 and "nothing to remove" in done.stdout
        assert len(host.instances()) == 1
        held.box.communicate("\n", timeout=TIMEOUT)
    assert "removed" in host.box("instance", "gc", cwd="/").stdout
    assert host.instances() == []


def test_gc_takes_what_an_interruption_left(host):
    host.sh("true")
    left = host.home / ".claudebox/instances/.trash-0123456789abcdef.abcdefgh"
    (left / "home/deep").mkdir(parents=True)
    (left / "home/deep").chmod(0)
    (left / "home/link").symlink_to(host.project)
    assert host.box("instance", "gc").returncode == 0
    assert not left.exists()
    assert len(host.instances()) == 1
    assert (host.project / "README").exists()


def test_rm_takes_whatever_a_box_made(host):
    """Deeper than a path may be long, closed, and with links to what must stay."""
    host.sh("""
        mkdir -p ~/closed/inner; touch ~/closed/inner/file; chmod 000 ~/closed/inner ~/closed
        ln -s "$PWD" ~/link; mkfifo ~/fifo
        cd ~; for i in $(seq 300); do mkdir a-directory-with-a-long-name; cd a-directory-with-a-long-name || exit; done
        touch deep""")
    done = host.box("instance", "rm", instance(host).name)
    assert done.returncode == 0, done.stderr
    assert host.instances() == []
    assert (host.project / "README").exists()


# --- what can't be used --------------------------------------------------------------------------------------------


def test_a_corrupt_instance_is_one_message_with_the_way_out(host):
    host.sh("echo precious > ~/note")
    directory = instance(host)
    for content in ("", "{", '{"schema": 1}', "[]", "\0\0\0\0"):
        (directory / "instance.json").write_text(content)
        done = host.sh("true")
        assert done.returncode == 125
        assert f"{directory}/instance.json" in done.stderr and "hint: " in done.stderr
        assert "instance rm" in done.stderr
        assert host.box("instance", "list").returncode == 0
        assert directory.name in host.box("instance", "list").stdout
    assert (directory / "home/note").read_text() == "precious\n"
    assert host.box("instance", "rm", directory.name).returncode == 0
    assert host.sh("true").returncode == 0


def test_an_instance_of_a_newer_claudebox_is_left_alone(host):
    host.sh("true")
    manifest = instance(host) / "instance.json"
    manifest.write_text('{"schema": 2}')
    done = host.sh("true")
    assert done.returncode == 125
    assert "newer claudebox" in done.stderr and "update claudebox" in done.stderr
    assert host.box("instance", "gc").returncode == 0
    assert manifest.read_text() == '{"schema": 2}'


@pytest.mark.parametrize("below", ["", "instances", "instances/ID"])
def test_a_directory_that_others_may_write_is_refused(host, below):
    host.sh("true")
    path = host.home / ".claudebox" / below.replace("ID", instance(host).name)
    path.chmod(0o777)
    done = host.sh("true")
    assert done.returncode == 125
    assert f"{path} can be written by others" in done.stderr and "chmod go-rwx" in done.stderr


def test_an_instance_directory_that_is_a_link_is_refused(host):
    host.sh("true")
    directory = instance(host)
    directory.rename(host.root / "elsewhere")
    directory.symlink_to(host.root / "elsewhere")
    done = host.sh("true")
    assert done.returncode == 125
    assert str(directory) in done.stderr and "symbolic link" in done.stderr


def test_a_full_disk_is_one_message_and_nothing_half_made(host):
    """A limit on the size of files fails the writes just as a full disk does, and needs no file system of its own."""

    def no_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = host.sh("touch ran", preexec_fn=no_room)
    assert done.returncode == 125
    assert str(host.home / ".claudebox") in done.stderr and "EFBIG" in done.stderr and "hint: " in done.stderr
    assert not (host.project / "ran").exists()
    assert host.instances() == []
    assert host.sh("true").returncode == 0


def test_a_really_full_disk(host):
    unshare = need("unshare")
    (host.home / ".claudebox").mkdir(mode=0o700)
    script = """
        mount -t tmpfs -o mode=0700,size=8k,nr_inodes=64 none "$HOME/.claudebox" || exit 77
        "$BOX" run --yes --network offline -- touch ran; echo "status $?"; ls -A "$HOME/.claudebox/instances"
        """
    namespaces = ["-m"] if os.getuid() == 0 else ["-m", "--map-root-user"]
    done = subprocess.run([unshare, *namespaces, "sh", "-c", script], cwd=host.project, text=True, timeout=TIMEOUT,
                          env=dict(host.env, BOX=host.binary), capture_output=True, stdin=subprocess.DEVNULL)
    assert done.stdout.splitlines()[0] == "status 125", done
    assert "No space left on device" in done.stderr and str(host.home / ".claudebox") in done.stderr
    assert "make room" in done.stderr
    assert not (host.project / "ran").exists()


def test_a_read_only_home_is_one_message(host):
    unshare = need("unshare")
    script = """
        mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME" || exit 77
        "$BOX" run --yes --network offline -- true; echo "status $?"
        """
    namespaces = ["-m"] if os.getuid() == 0 else ["-m", "--map-root-user"]
    done = subprocess.run([unshare, *namespaces, "sh", "-c", script], cwd=host.project, text=True, timeout=TIMEOUT,
                          env=dict(host.env, BOX=host.binary), capture_output=True, stdin=subprocess.DEVNULL)
    assert done.stdout == "status 125\n", done
    assert "EROFS" in done.stderr and "CLAUDEBOX_HOME" in done.stderr


@pytest.mark.root
def test_state_of_another_user_is_refused(host):
    state = host.home / ".claudebox"
    state.mkdir(mode=0o700)
    os.chown(state, 65534, 65534)
    done = host.sh("true")
    assert done.returncode == 125
    assert f"{state} belongs to uid 65534" in done.stderr and "without sudo" in done.stderr


# --- what an earlier box left --------------------------------------------------------------------------------------


@pytest.fixture
def planted(host):
    """A directory of the host's that stands for ~/.ssh."""
    directory = host.home / ".ssh"
    directory.mkdir(mode=0o700)
    (directory / "id_ed25519").write_text("FAKE-KEY\n")
    yield directory
    assert sorted(os.listdir(directory)) == ["id_ed25519"]
    assert (directory / "id_ed25519").read_text() == "FAKE-KEY\n"


def links_to(directory):
    """How a link in a box can name a directory of the host: as it is, and as it is for bwrap before pivot_root(2)."""
    return [str(directory), f"/oldroot{directory}", f"../../../../../../../../oldroot{directory}"]


@pytest.mark.parametrize("way", [0, 1, 2])
def test_mount_points_are_not_made_through_a_link_of_an_earlier_box(host, planted, way):
    """The project is ~/work/app. A box moves ~/work away and leaves a link; the next start needs ~/work/app."""
    project = host.repository(host.home / "work/app")
    link = links_to(planted)[way]
    done = host.sh(f"mv ~/work ~/moved && ln -s '{link}' ~/work", cwd=project)
    assert done.returncode == 0, done.stderr
    done = host.sh("pwd; cat README; ls -A ~/work; ls ~", cwd=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{project}\nA project.\napp\n")
    assert "work.moved-1" in done.stdout
    assert "work was in the way" in done.stderr, "the person is told"


@pytest.mark.parametrize("way", [0, 1, 2])
def test_granted_mounts_are_not_made_through_a_link_of_an_earlier_box(host, planted, way):
    (host.root / "data").mkdir()
    (host.root / "data/file").write_text("granted\n")
    mounts = ("--mount", f"{host.root}/data:~/a/data", "--mount", f"{host.root}/data/file:~/b/file")
    link = links_to(planted)[way]
    host.sh(f"ln -s '{link}' ~/a; ln -s '{link}' ~/b")
    done = host.sh("cat ~/a/data/file ~/b/file", options=mounts)
    assert done.stdout == "granted\ngranted\n", done.stderr


def test_a_mount_point_that_became_a_link_is_none(host, planted):
    (host.root / "data").mkdir()
    (host.root / "data/file").write_text("granted\n")
    host.sh(f"ln -s /oldroot{planted}/new ~/data; ln -s /oldroot{planted}/id_ed25519 ~/file")
    done = host.sh("cat ~/data/file ~/file", options=("--mount", f"{host.root}/data:~/data", "--mount",
                                                      f"{host.root}/data/file:~/file"))
    assert done.stdout == "granted\ngranted\n", done.stderr


def test_state_is_not_written_through_a_link_of_an_earlier_box(host, planted):
    host.sh(f"rm -rf ~/.claude ~/.local; ln -s {planted} ~/.claude; ln -s {planted} ~/.local")
    done = host.sh("ls -d ~/.claude/. ~/.local/box/bin")
    assert done.returncode == 0, done.stderr
    assert ".claude was in the way" in done.stderr


def test_a_mount_through_a_link_in_a_writable_mount_is_refused(host, planted):
    data = host.home / "data"
    data.mkdir()
    writable = ("--mount", "~/data:~/data:rw")
    host.sh(f"ln -s /oldroot{planted} ~/data/link", options=writable)
    done = host.sh("true", options=(*writable, "--mount", f"{host.project}:~/data/link/new"))
    assert done.returncode == 125
    assert "symbolic link" in done.stderr


def test_broken_state_of_the_agent_does_not_stop_a_start(host):
    host.sh("echo '{\"half' > ~/.claude/.claude.json; echo '[]' > ~/.claude/settings.json")
    done = host.sh("cat ~/.claude/.claude.json")
    assert done.returncode == 0, done.stderr
    assert ".claude.json is not a JSON object any more" in done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    assert (instance(host) / "home/.claude/.claude.json.broken").read_text() == '{"half\n'


def test_hostile_state_of_the_agent_does_not_stop_a_start(host):
    """Forms that would hang or crash who parses them."""
    for content in ("'[' * 3000000", "'{\"a\":' * 500000", "'{' + ','.join(f'\"k{i}\":0' for i in range(300000)) + '}'"):
        made = host.run("python3", "-c", f"import os; open(os.path.expanduser('~/.claude/.claude.json'), 'w')"
                                         f".write({content})")
        assert made.returncode == 0, made.stderr
        assert host.sh("true").returncode == 0  # within the harness's limit of time
    host.sh("rm ~/.claude/.claude.json; mkfifo ~/.claude/.claude.json; truncate -s 1T ~/.claude/settings.json")
    assert host.sh("true").returncode == 0


def test_closed_directories_do_not_stop_a_start(host):
    host.sh("chmod 000 ~/.claude ~/.local ~")
    done = host.sh("touch ~/.claude/x ~/.local/x ~/x")
    assert done.returncode == 0, done.stderr


def test_a_link_on_path_is_there_at_every_start(host):
    """~/.nix-profile -> /opt/profile: a link that the plan puts into the home, which is kept."""
    tools = host.root / "profile/bin"
    tools.mkdir(parents=True)
    (host.home / ".profile-link").symlink_to(host.root / "profile")
    host.env["PATH"] = f"{host.home}/.profile-link/bin:{host.env['PATH']}"
    for _ in range(3):
        done = host.sh("readlink ~/.profile-link")
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{host.root}/profile\n"


# --- crash at any moment -------------------------------------------------------------------------------------------


def instances_at_rest(host) -> list[dict]:
    """What `instance list` shows once none is live: the kernel ends the rest of a killed box a moment after it."""
    listed: list[dict] = []
    for _ in range(100):
        listed = json.loads(host.box("instance", "list", "--json").stdout)["instances"]
        if not any(entry["live"] for entry in listed):
            return listed
        time.sleep(0.05)
    raise AssertionError(f"live without a supervisor: {json.dumps(listed)}")


def test_kill_9_while_starting_leaves_a_whole_instance_or_none(host):
    """At delays spread over the time that a start takes here."""
    begin = time.monotonic()
    host.sh("true")
    whole_start = time.monotonic() - begin
    host.box("instance", "rm", instance(host).name)
    made = 0
    for round_ in range(60):
        box = host.popen("run", "--yes", "--network", "offline", "--", "sleep", "60", stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole_start * round_ / 60)
        box.kill()
        box.wait()
        listed = instances_at_rest(host)
        assert not any(entry.get("problem") for entry in listed), json.dumps(listed)
        if listed:
            made += 1
            assert host.box("instance", "rm", listed[0]["id"]).returncode == 0
    assert 0 < made
    assert host.sh("echo fine").stdout == "fine\n"
    # What was interrupted has a name that gc knows, and nothing else is there.
    names = os.listdir(host.home / ".claudebox/instances")
    assert all(re.match(r"[0-9a-f]{16}$|\.(new|trash)-", name) for name in names), names
