"""A host whose /nix, nix.conf, registry and users are the test's, in a mount namespace of its own. Only root can make it; the
boxes in it are an ordinary user's.

Two forms, as people have them:
  daemon   /nix is root's, a real nix-daemon builds, and everybody may use its socket
  single   /nix is the user's own, and each nix does it all itself
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.server
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import tempfile
import termios
import threading
import time

import pytest

import nix_standin
from conftest import find_binary, need

UID = 23456
USER = "nixer"
FEATURES = ("--extra-experimental-features", "nix-command flakes")
EMPTY = '{"version":2,"flakes":[]}'
REGISTRY = ('{"version":2,"flakes":[{"from":{"type":"indirect","id":"nixpkgs"},'
            '"to":{"type":"git","url":"file:///etc/nix/nixpkgs"}}]}')
TIMEOUT = 180


def processes():
    """Each process of the machine, with its command and its environment."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            with contextlib.suppress(OSError):  # it has ended
                texts = [pathlib.Path("/proc", entry, name).read_bytes().decode(errors="replace")
                         for name in ("cmdline", "environ")]
                yield int(entry), texts[0].replace("\0", " "), texts[1]


def until(condition, what: str, seconds: float = 60) -> None:
    """Waits for `condition`; it is an error of the test's when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)


class NixHost:
    """`directory` is the test's own; `etc` is what /etc/nix is inside, `home` is at the same path in both."""

    def __init__(self, directory: pathlib.Path, form: str = "daemon"):
        need("nix")
        self.directory, self.form = directory, form
        self.home = directory / "home"
        self.project = self.home / "project"
        self.etc = directory / "etc"
        self.store = directory / "nix"
        self.env = {"HOME": str(self.home), "USER": USER, "LOGNAME": USER, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                    "TERM": "xterm-256color", "SHELL": "/bin/bash"}
        for path in (self.project, self.etc / "gate", self.store):
            path.mkdir(parents=True)
        self.binary = str(directory / "claudebox")
        pathlib.Path(self.binary).touch(0o755)
        self.daemon = self.holder = None
        self.daemon_conf: tuple[str, ...] = ()
        self.made = [path for path in ("/nix", "/etc/nix") if not os.path.isdir(path)]
        for path in self.made:
            os.mkdir(path)
        self._accounts()
        (self.etc / "registry.json").write_text(REGISTRY)
        (self.etc / "global.json").write_text(EMPTY)
        nix_standin.write_flake(self.nixpkgs, directory.name)
        self.own(self.home, self.nixpkgs)
        self._enter()
        self.start()

    @property
    def nixpkgs(self) -> pathlib.Path:
        """The stand-in's repository, /etc/nix/nixpkgs inside."""
        return self.etc / "nixpkgs"

    def _accounts(self) -> None:
        users = [(f"nixbld{n}", 23460 + n, 23459) for n in range(4)] + [(USER, UID, UID)]
        accounts = "".join(f"{name}:x:{uid}:{gid}::{self.home}:/bin/sh\n" for name, uid, gid in users)
        members = ",".join(name for name, _, _ in users[:4])
        (self.directory / "passwd").write_text(pathlib.Path("/etc/passwd").read_text() + accounts)
        (self.directory / "group").write_text(
            pathlib.Path("/etc/group").read_text() + f"nixbld:x:23459:{members}\n{USER}:x:{UID}:\n")

    def _enter(self) -> None:
        here = self.directory
        if self.form == "single":
            self.own(self.store)
            store = f"mount --bind {self.store} /nix"
        else:
            store = "mount -t tmpfs -o mode=0755 none /nix"
        script = (f"{store} && mount --bind {self.etc} /etc/nix && mount --bind {find_binary()} {self.binary} && mount --bind {here}/passwd /etc/passwd && "
                  f"mount --bind {here}/group /etc/group && echo ready && exec sleep 3000")
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                                       stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"

    # --- what is in it ---

    def own(self, *paths: pathlib.Path) -> None:
        """The user's from now on, with all below."""
        subprocess.run(["chown", "-R", f"{UID}:{UID}", *map(str, paths)], check=True)

    def write(self, path: str | pathlib.Path, text: str, mode: int = 0o644) -> pathlib.Path:
        """A file of the user's, below the home."""
        file = self.home / path
        above = next(parent for parent in file.parents if parent.exists())
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        self.own(file if above == file.parent else next(p for p in file.parents if p.parent == above))
        return file

    def git(self, *arguments: str, cwd: pathlib.Path | None = None) -> str:
        """As the user, by default in the project."""
        done = self.user("git", "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def flake(self, directory: pathlib.Path, packages: str = "", shells: str = "", repository: bool = True) -> pathlib.Path:
        """A local flake of the user's, with attributes of the packages and dev shells; see nix_standin.local_flake."""
        self.write(directory / "flake.nix", nix_standin.local_flake(packages, shells))
        if repository:
            self.git("init", "-q", "-b", "main", cwd=directory)
            self.git("add", ".", cwd=directory)
            self.git("commit", "-q", "-m", "A flake", cwd=directory)
        return directory

    def open_gate(self, name: str) -> None:
        """The build of the package `name` (slow, slower) goes on to its end."""
        (self.etc / "gate" / name).touch()

    def builders(self, name: str) -> list[int]:
        """The processes that wait at this gate."""
        return [pid for pid, command, _ in processes() if f"/gate/{name} " in command and self.directory.name in command]

    def wait_for_builder(self, name: str) -> None:
        until(lambda: self.builders(name), f"the build of {name}")

    def processes(self) -> dict[int, str]:
        """What runs as the user here, or for it in a box."""
        return {pid: command for pid, command, environment in processes()
                if f"HOME={self.home}" in environment.split("\0") or str(self.home) in command}

    def change(self, old: str, new: str) -> None:
        """Another commit of the stand-in."""
        nix_standin.change_flake(self.nixpkgs, old, new)
        self.own(self.nixpkgs)

    @property
    def packages(self) -> pathlib.Path:
        return self.home / ".claudebox/packages"

    def entries(self) -> list[pathlib.Path]:
        """The directories of packages that have a record."""
        return sorted(record.parent for record in self.packages.glob("*/record.json"))

    # --- what runs in it ---

    def inside(self, *command: str) -> list[str]:
        """As root."""
        return ["nsenter", "--mount", "--target", str(self.holder.pid), "--", *command]

    def as_user(self, *command: str | pathlib.Path, cwd: pathlib.Path | None = None, uid: int = UID) -> list[str]:
        """Its process is the one that a caller starts: nothing stays in between."""
        return self.inside("setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--", "env", "-C",
                           str(cwd or self.project), *map(str, command))

    def user(self, *command: str | pathlib.Path, uid: int = UID, cwd=None, env=None, **more) -> subprocess.CompletedProcess:
        more.setdefault("timeout", TIMEOUT)
        if "input" not in more:
            more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.as_user(*command, uid=uid, cwd=cwd), env=env or self.env, capture_output=True, text=True,
                              **more)

    def popen(self, *arguments: str, cwd=None, **more) -> subprocess.Popen:
        """claudebox, running. The caller ends it."""
        more = {"env": self.env, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                "text": True, **more}
        return subprocess.Popen(self.as_user(self.binary, *arguments, cwd=cwd), **more)

    def box(self, *arguments: str, **more) -> subprocess.CompletedProcess:
        """claudebox, to its end."""
        return self.user(self.binary, *arguments, **more)

    def at_terminal(self, *arguments: str, answer: str = "y", cwd=None, watch=lambda said: "") -> tuple[int, str]:
        """claudebox on a terminal of its own, which answers each question. Its exit status, and all that it printed. `watch` is
        told that each time there is more, and gives keys to press."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, b"\x28\0\x78\0\0\0\0\0")  # 40 rows of 120
        box = self.popen(*arguments, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        said, answered = b"", 0
        while True:
            try:
                said += os.read(ours, 65536)
            except OSError as error:  # how a terminal says that nobody has it open any more
                assert error.errno == errno.EIO
                break
            if said.rstrip().endswith((b"[y/N]", b"[Y/n]")) and len(said) > answered:
                os.write(ours, answer.encode() + b"\r")
                answered = len(said) + len(answer) + 2
            os.write(ours, watch(said.decode(errors="replace")).encode())
        os.close(ours)
        return box.wait(TIMEOUT), said.decode()

    def trust(self, *options: str, cwd=None, answer: str = "y") -> str:
        """`claudebox trust`, approved; what it shows."""
        status, said = self.at_terminal("trust", *options, cwd=cwd, answer=answer)
        assert status == (0 if answer == "y" else 1), said
        return said

    def sh(self, script: str, *options: str, **more) -> subprocess.CompletedProcess:
        """A shell script in a box."""
        return self.box("run", "--yes", "--quiet", *options, "--", "/bin/sh", "-c", script, **more)

    def nix(self, *arguments: str, program: str = "nix", **more) -> subprocess.CompletedProcess:
        """nix itself, outside of any box."""
        features = FEATURES if program == "nix" else ()
        return self.user(program, *features, *arguments, **more)

    def collect(self) -> str:
        """The collector of garbage, as the user; what it says. It looks at the links of every process in /proc, and gives
        up at one that is too long for it: some other test's."""
        for _ in range(20):
            done = self.nix("store", "gc")
            if "File name too long" not in done.stderr:
                break
            time.sleep(0.5)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def shell(self, script: str) -> str:
        """A shell script of root's inside, such as for mounts."""
        done = subprocess.run(self.inside("sh", "-ec", script), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def without_nix(self):
        """Every program of nix but the running daemon fails, and leaves a mark: gives the names of those that ran. None can be
        missed: /usr/bin/nix is all of them, and covered in the namespace that all boxes come from; a pipe takes the marks, since
        a box that can read its directory can write to that, however it is mounted."""
        pipe, script = self.etc / "marks", self.directory / "no-nix"
        os.mkfifo(pipe)
        pipe.chmod(0o666)
        reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        script.write_text("#!/bin/sh\necho \"$0\" >/etc/nix/marks\necho 'this nix was not to run' >&2\nexit 99\n")
        script.chmod(0o755)
        seen = b""

        def marks() -> list[str]:
            nonlocal seen
            with contextlib.suppress(BlockingIOError):
                seen += os.read(reader, 65536)
            return seen.decode().split()

        program = os.path.realpath(need("nix"))
        self.shell(f"mount --bind {script} {program}")
        try:
            yield marks
        finally:
            self.shell(f"umount {program}")
            os.close(reader)
            pipe.unlink()

    # --- nix itself ---

    def configure(self, *conf: str) -> None:
        """nix.conf, with these lines."""
        lines = ["substituters =", "build-users-group = nixbld", "flake-registry = /etc/nix/global.json",
                 "extra-sandbox-paths = /gate=/etc/nix/gate", "max-jobs = 2"]
        if self.form == "single":
            lines.remove("build-users-group = nixbld")
        (self.etc / "nix.conf").write_text("\n".join([*lines, *conf, ""]))

    def start(self, *conf: str) -> None:
        """Nix anew, with these lines in nix.conf; in the form `daemon` that is the daemon."""
        self.stop()
        self.configure(*conf)
        if self.form == "single":
            return
        self.daemon = subprocess.Popen(self.inside("nix-daemon", "--daemon"), stderr=subprocess.DEVNULL)
        for _ in range(200):
            if self.nix("--store", "daemon", "store", "ping").returncode == 0:
                return
            assert self.daemon.poll() is None, "the daemon ended"
            time.sleep(0.05)
        raise AssertionError("the daemon does not answer")

    def stop(self) -> None:
        if self.daemon:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(10)
            self.daemon = None

    def close(self) -> None:
        self.stop()
        if self.holder:
            self.holder.terminate()
            self.holder.wait(10)
            self.holder.stdout.close()
        for path in self.made:
            os.rmdir(path)


@contextlib.contextmanager
def nix_host(form: str = "daemon"):
    """Such a host, and nothing of it afterwards."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cbx-nix-", dir="/var/tmp"))
    directory.chmod(0o755)
    host = None
    try:
        host = NixHost(directory, form)
        yield host
    finally:
        if host:
            host.close()
        shutil.rmtree(directory)


@pytest.fixture(params=["daemon", "single"])
def nix(request):
    """A host in each of the forms, with no process left behind."""
    with nix_host(request.param) as host:
        yield host
        until(lambda: not host.processes(), "all to end", 15)


@pytest.fixture
def with_daemon():
    with nix_host("daemon") as host:
        yield host
        until(lambda: not host.processes(), "all to end", 15)


@contextlib.contextmanager
def server(content: bytes):
    """A server on the host's loopback; gives its address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}", asked
    finally:
        made.shutdown()
        made.server_close()
