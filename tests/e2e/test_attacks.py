"""Attacks from inside a real box, as an agent that wants out. Each is also made where the protection is missing, on
this host without a box or in a plain bwrap: there it must work, or the test would prove nothing."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import pathlib
import shutil
import stat
import subprocess
import threading

import pytest

from conftest import TIMEOUT, need
from prey import Prey

PYTHON = "/usr/bin/python3"
RENAME_EXCHANGE = 2


@pytest.fixture
def prey(host):
    planted = Prey(host)
    yield planted
    planted.close()


def landlock_abi() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return max(libc.syscall(444, None, 0, 1), 0)  # landlock_create_ruleset, LANDLOCK_CREATE_RULESET_VERSION


def plain_bwrap(*options: str) -> list[str]:
    """bwrap with its namespaces and nothing of claudebox's protections."""
    uid, gid = str(os.getuid()), str(os.getgid())
    return [need("bwrap"), "--unshare-user", "--uid", uid, "--gid", gid, "--unshare-pid", "--bind", "/", "/", "--dev",
            "/dev", "--proc", "/proc", *options, "--"]


def run_plain(host, command: list[str], **more) -> subprocess.CompletedProcess:
    more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(command, cwd=host.project, env=host.env, capture_output=True, text=True, timeout=TIMEOUT,
                          **more)


# --- the probe's attempts ------------------------------------------------------------------------------------------

# What a kernel may refuse to everybody: no network, no 32-bit calls, no vsock, UDP-Lite or SCTP in it, no set-user-ID
# programs installed. And a nested user namespace locks what it inherits, with or without a box.
DEPENDS_ON_THE_HOST = {"network.routes", "seccomp.foreign", "seccomp.families", "seccomp.raw",
                       "privileges.setuid-files", "mounts.nested"}
# What the kernel refuses to an ordinary user.
ONLY_ROOT_MAY = {"kernel.proc-sys", "kernel.proc", "kernel.sys", "kernel.devices", "privileges.identity",
                 "privileges.capabilities", "mounts.change"}
# Told nothing about, since this needs a gateway, limits or packages: test_selftest.py. Of sockets the prey has an agent's.
NOT_HERE = {"network.own", "network.near", "network.private", "network.metadata", "network.slirp", "network.ungranted",
            "names.private", "names.ungranted", "names.servers", "limits.memory", "limits.processes", "limits.open-files",
            "packages.store", "sockets.dbus", "sockets.containers", "sockets.agents"}


def without_those(answers: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    assert {answers.pop(id)[0] for id in NOT_HERE} == {"untried"}
    return answers


def test_without_a_box_the_attempts_get_through(prey):
    answers = without_those(prey.without_box("offline"))
    excused = DEPENDS_ON_THE_HOST | (set() if os.getuid() == 0 else ONLY_ROOT_MAY)
    failed = {id: answer for id, answer in answers.items() if answer[0] != "broken" and id not in excused}
    assert not failed
    assert prey.visitors() == 1 + len(prey.ports)  # the abstract socket and those on loopback
    assert (prey.host.project / ".git/config").is_file()  # moved, and moved back


@pytest.mark.parametrize("network", ["offline", "full"])
def test_in_a_box_no_attempt_gets_through(prey, network):
    answers = without_those(prey.in_box(network))
    untried = set()
    if network == "full":
        untried = {"network.loopback", "network.routes"}
        if landlock_abi() < 6:
            assert answers.pop("sockets.abstract")[0] == "broken"  # and the audit says so
    failed = {id: answer for id, answer in answers.items() if answer[0] != ("untried" if id in untried else "held")}
    assert not failed
    assert prey.visitors() == (0 if network == "offline" or landlock_abi() >= 6 else 1)


def test_a_grant_is_all_that_a_grant_opens(prey):
    """With ~/.ssh mounted elsewhere the rest stays away, and the probe sees what was granted."""
    ssh = prey.host.home / ".ssh"
    answers = without_those(prey.in_box("offline", options=("--mount", f"{ssh}:{ssh}:ro")))
    assert answers.pop("files.secrets")[0] == "broken"
    assert "files.roots" in answers and answers.pop("files.roots")[0] == "broken"  # the same by /proc/1/root
    assert {answer[0] for answer in answers.values()} == {"held"}


# --- the terminal --------------------------------------------------------------------------------------------------

INJECT = """
import ctypes, sys
ioctl = ctypes.CDLL(None, use_errno=True).syscall
for request in (0x5412, 0x541c, 0x100005412, 0xffffffff00005412):
    for character in b"touch injected\\n":
        ioctl(ctypes.c_long(16), ctypes.c_long(0), ctypes.c_ulong(request), ctypes.c_char_p(bytes([character])))
print("tried", "enough")
"""


def inject(host, terminal, *command: str) -> bool:
    """Whether what a program in `command` pushes into the terminal is executed by the shell afterwards."""
    (host.project / "inject.py").write_text(INJECT)
    terminal.start()
    terminal.wait_for(r"^READY\$")
    terminal.line(" ".join([*command, PYTHON, "inject.py"]))
    terminal.wait_for("tried enough")
    terminal.line("echo al''ive")
    terminal.wait_for("^alive")
    return (host.project / "injected").exists()


@pytest.mark.parametrize("network", ["offline", "full"])
def test_nothing_is_typed_into_the_terminal(host, terminal, network):
    assert not inject(host, terminal, host.binary, "run", "-q", "--yes", "--network", network, "--")


def test_nothing_is_typed_into_the_terminal_control(host, terminal):
    legacy = pathlib.Path("/proc/sys/dev/tty/legacy_tiocsti")
    if legacy.exists() and legacy.read_text().strip() == "0":
        pytest.skip("this kernel has TIOCSTI switched off")
    assert inject(host, terminal, *plain_bwrap())


# --- processes, descriptors, environment ---------------------------------------------------------------------------


def test_no_process_shows_the_environment_of_the_host(host):
    words = host.plant_secrets()
    done = host.sh("cat /proc/[0-9]*/environ | tr '\\0' '\\n'; echo; wc -c < /proc/1/environ")
    assert words["variable"] not in done.stdout
    assert done.stdout.splitlines()[-1] == "0"
    assert "HOME=" in done.stdout  # the command's own is readable, so the others would have been


def test_no_command_line_shows_a_value(host):
    """bwrap's options come by descriptor: its command line would show granted variables to every process."""
    done = host.sh("tr '\\0' ' ' < /proc/1/cmdline", options=("--env", "GRANTED=granted-value-of-a-variable"))
    assert "bwrap" in done.stdout and "granted-value-of-a-variable" not in done.stdout


def test_only_three_descriptors_are_open(host):
    words = host.plant_secrets()
    with open(host.home / ".ssh/id_ed25519") as file:
        directory = os.open(host.home, os.O_RDONLY)
        try:
            leaked = (file.fileno(), directory)
            done = host.sh("exec 2>&1; ls /proc/self/fd | tr '\\n' ' '; echo; ls -l /proc/[0-9]*/fd; "
                           f"cat <&{leaked[0]}", pass_fds=leaked)
        finally:
            os.close(directory)
    assert done.stdout.splitlines()[0].split() == ["0", "1", "2", "3"]  # 3 is the listing itself
    assert words["ssh"] not in done.stdout
    assert "id_ed25519" not in done.stdout and f"{host.home}\n" not in done.stdout


def test_the_program_of_the_box_can_not_be_changed(host):
    """bwrap is pid 1: /proc/1/exe leads to the host's file, here one of the user's own."""
    own = host.home / ".local/bin/bwrap"
    shutil.copy(need("bwrap"), own)
    own.chmod(0o755)
    attack = ("import os\n"
              "print(os.readlink('/proc/1/exe'))\n"
              "for attempt in (lambda: os.chmod('/proc/1/exe', 0o4777), lambda: os.utime('/proc/1/exe', (0, 0)),\n"
              "                lambda: os.open('/proc/1/exe', os.O_WRONLY),\n"
              "                lambda: os.setxattr('/proc/1/exe', 'user.box', b'1')):\n"
              "    try:\n"
              "        attempt(); print('worked')\n"
              "    except OSError as error:\n"
              "        print(error.errno)\n")
    done = host.run(PYTHON, "-c", attack)
    assert done.stdout.splitlines()[:1] == [str(own)], done.stderr
    assert "worked" not in done.stdout
    assert stat.S_IMODE(own.stat().st_mode) == 0o755 and own.stat().st_mtime != 0
    # Control: a plain bwrap from the same file can be changed.
    plain = run_plain(host, [str(own), *plain_bwrap()[1:], PYTHON, "-c", attack])
    assert "worked" in plain.stdout
    assert stat.S_IMODE(own.stat().st_mode) == 0o4777


def test_bwrap_itself_has_no_capability_over_the_outer_namespaces(host):
    """As root it keeps capabilities: in a user namespace below the one that the outer namespaces belong to."""
    box = host.popen("run", "--yes", "--quiet", "--network", "offline", "--", "sh", "-c", "echo up; read x",
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert box.stdout.readline() == "up\n"
        (outer,) = children(box.pid)
        user = os.stat(f"/proc/{outer}/ns/user").st_ino
        for name in ("mnt", "net", "pid"):
            with open(f"/proc/{outer}/ns/{name}", "rb") as space:
                owner = fcntl.ioctl(space, 0xb701)  # NS_GET_USERNS, ioctl_ns(2)
            try:
                assert os.fstat(owner).st_ino != user, name
            finally:
                os.close(owner)
    finally:
        box.communicate("\n", timeout=30)


def children(pid: int) -> list[int]:
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_crash_leaves_no_core_outside(host):
    """With core_pattern a plain name, the kernel writes a core in the crashing process's own directory."""
    before = {path for path in host.root.rglob("*")}
    done = host.sh("ulimit -c unlimited 2>/dev/null; cd /tmp; sh -c 'kill -SEGV $$'; ls /tmp")
    assert done.returncode == 0, done.stderr
    new = {str(path.relative_to(host.root)) for path in set(host.root.rglob("*")) - before}
    assert not [name for name in new if not name.startswith("home/.claudebox")], new
    assert not [name for name in new if "core" in pathlib.Path(name).name], new


# --- what the kernel tells and takes -------------------------------------------------------------------------------


def test_mountinfo_tells_of_nothing_that_is_not_mounted(host):
    """It names the host's paths of what is mounted (docs/threat-model.md), and nothing else of the home."""
    host.plant_secrets()
    granted = host.home / "granted"
    granted.mkdir()
    done = host.sh("cat /proc/[0-9]*/mountinfo /proc/[0-9]*/mounts", options=("--mount", f"{granted}:/opt/granted"))
    assert str(granted) in done.stdout or "/granted /opt/granted" in done.stdout
    for name in (".ssh", ".aws", "other-project", ".netrc", "/run/user", "docker"):
        assert name not in done.stdout, name


OPEN_SYSCTLS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def opened():
    count = 0
    for name in ("kernel/core_pattern", "kernel/modprobe", "kernel/poweroff_cmd", "vm/drop_caches", "kernel/hostname"):
        try:
            os.close(os.open("/proc/sys/" + name, os.O_WRONLY)); count += 1
        except OSError:
            pass
    return count
first = opened()
libc.umount2(b"/proc/sys", 2)
second = opened()
nested = libc.unshare(0x10000000 | 0x20000)
libc.umount2(b"/proc/sys", 2)
print(first, second, opened(), nested)
"""


@pytest.mark.root
def test_settings_of_the_kernel_are_closed_to_root(host):
    """Opened for writing, nothing is written: core_pattern would be the host's root."""
    assert host.run(PYTHON, "-c", OPEN_SYSCTLS, network="full").stdout.split()[:3] == ["0", "0", "0"]


@pytest.mark.root
def test_settings_of_the_kernel_are_closed_to_root_control(host):
    bare = run_plain(host, [*plain_bwrap("--cap-drop", "ALL"), PYTHON, "-c", OPEN_SYSCTLS])
    assert int(bare.stdout.split()[0]) > 0
    # With the cover and with capabilities it can be taken away again.
    kept = run_plain(host, [*plain_bwrap("--ro-bind", "/proc/sys", "/proc/sys"), PYTHON, "-c", OPEN_SYSCTLS])
    assert kept.stdout.split()[0] == "0" and int(kept.stdout.split()[1]) > 0


SU = """
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv("/usr/bin/su", ["su", "root", "-c", "true"])
time.sleep(0.5)
status = open(f"/proc/{pid}/status").read()
print(next(line for line in status.splitlines() if line.startswith("Uid:")))
os.kill(pid, 9)
"""


@pytest.mark.ordinary_user
def test_set_user_id_programs_stay_who_they_are(host):
    """su, while it waits for a password, is root outside and nobody special inside."""
    need("su")
    uid = str(os.getuid())
    done = host.run(PYTHON, "-c", SU)
    if done.stdout:
        assert done.stdout.split()[1:] == [uid] * 4
    bare = run_plain(host, [PYTHON, "-c", SU])
    # As root's process its status is still readable, unlike its memory.
    assert "0" in bare.stdout.split()[1:], bare.stderr


# --- symbolic links ------------------------------------------------------------------------------------------------


def exchange(first: pathlib.Path, second: pathlib.Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    at = ctypes.c_int(-100)
    if libc.renameat2(at, os.fsencode(first), at, os.fsencode(second), ctypes.c_uint(RENAME_EXCHANGE)) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


PROTECTED_DIRECTORIES = [".git/hooks", ".vscode", ".idea", ".husky", ".claude"]
PROTECTED_FILES = [".git/config", ".mcp.json", ".envrc", ".claudebox.toml", ".claude/settings.json"]


@pytest.mark.parametrize("name", PROTECTED_DIRECTORIES + PROTECTED_FILES)
def test_a_protected_path_that_is_a_link_opens_nothing(host, name):
    """A repository may come with .vscode -> ../.ssh: covering what it leads to would be granting it."""
    words = host.plant_secrets()
    path = host.project / name
    path.parent.mkdir(exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(host.home / (".ssh" if name in PROTECTED_DIRECTORIES else ".ssh/id_ed25519"))
    done = host.sh(f"cat '{name}' '{name}/id_ed25519' '{host.home}/.ssh/id_ed25519' 2>&1; true")
    assert words["ssh"] not in done.stdout + done.stderr


@pytest.mark.parametrize("name", [".git/hooks", ".vscode"])
def test_a_link_swapped_in_while_starting_opens_nothing(host, name):
    """Between planning and mounting, a protected directory becomes a link to the keys, again and again."""
    words = host.plant_secrets()
    real = host.project / name
    real.mkdir(exist_ok=True)
    link = host.project / "link"
    link.symlink_to(host.home / ".ssh")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            exchange(real, link)

    swapper = threading.Thread(target=swap)
    swapper.start()
    outcomes = []
    try:
        for _ in range(25):
            done = host.sh(f"cat '{name}/id_ed25519' link/id_ed25519 '{host.home}/.ssh/id_ed25519' 2>/dev/null; true")
            outcomes.append((done.returncode, words["ssh"] in done.stdout))
    finally:
        stop.set()
        swapper.join()
    assert not any(seen for _, seen in outcomes)
    # Ended for it (125), or it was the directory at that moment: never anything else.
    assert {status for status, _ in outcomes} <= {0, 125}


# --- the selftest itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["offline", "full"])
def test_selftest_as_json(host, network):
    host.plant_secrets()
    done = host.box("selftest", "--network", network, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == 1 and document["network"] == network and document["broken"] == 0
    attempts = {attempt["id"]: attempt for attempt in document["attempts"]}
    assert len(attempts) == document["held"] + document["untried"] >= 30
    for id in ("files.secrets", "files.home", "environment.variables", "protected.write", "processes.visible"):
        assert attempts[id]["outcome"] == "held", attempts[id]
    assert attempts["network.loopback"]["outcome"] == ("held" if network == "offline" else "untried")


def test_selftest_tells_no_secret(host):
    """It looks for the user's things by name and never by content."""
    words = host.plant_secrets()
    done = host.box("selftest", "--network", "offline")
    assert done.returncode == 0, done.stderr
    assert not [word for word in words.values() if word in done.stdout + done.stderr]
    assert "did not get through" in done.stdout
