"""The Nix daemon's socket in a box: a real nix-daemon with a store of its own, in a mount namespace of the test.

Only root can start the daemon; the boxes are an ordinary user's, since to root it is refused.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

import pytest

pytestmark = pytest.mark.root

UID = 23456
USER = "nixer"
OFFLINE = ("--network", "offline", "--nix-daemon", "--nix-daemon-network")
NIX = "nix --extra-experimental-features nix-command"
BUILDER = """
#include <stdio.h>
#include <stdlib.h>
int main(void) {
  FILE *out = fopen(getenv("out"), "w");
  return !out || fprintf(out, "built with %s\\n", getenv("WORD")) < 0 || fclose(out);
}
"""
DERIVATION = """
derivation { name = "greeting"; system = builtins.currentSystem; builder = ./builder; WORD = "care"; }
"""


class NixHost:
    """A host whose /nix, nix.conf and users are the test's."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.home = directory / "home"
        self.project = self.home / "project"
        self.project.mkdir(parents=True)
        shutil.copy(os.environ["CLAUDEBOX_BINARY"], directory / "claudebox")
        subprocess.run(["gcc", "-static", "-x", "c", "-o", self.project / "builder", "-"], input=BUILDER, text=True,
                       check=True)
        (self.project / "default.nix").write_text(DERIVATION)
        subprocess.run(["chown", "-R", f"{UID}:{UID}", self.home], check=True)
        self.made = [path for path in ("/nix", "/etc/nix") if not os.path.isdir(path)]
        for path in self.made:
            os.mkdir(path)
        users = [(f"nixbld{n}", 23460 + n) for n in range(4)] + [(USER, UID)]
        accounts = "".join(f"{name}:x:{uid}:{23459 if name != USER else UID}::/nonexistent:/bin/sh\n" for name, uid in users)
        members = ",".join(name for name, _ in users[:4])
        (directory / "passwd").write_text(pathlib.Path("/etc/passwd").read_text() + accounts)
        (directory / "group").write_text(
            pathlib.Path("/etc/group").read_text() + f"nixbld:x:23459:{members}\n{USER}:x:{UID}:\n")
        script = ("mount -t tmpfs -o mode=0755 none /nix && mount -t tmpfs -o mode=0755 none /etc/nix && "
                  f"mount --bind {directory}/passwd /etc/passwd && mount --bind {directory}/group /etc/group && "
                  "echo ready && exec sleep 1000")
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                                       stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        self.daemon = None
        self.start()

    def inside(self, *command: str) -> list[str]:
        return ["nsenter", "--mount", "--target", str(self.holder.pid), "--", *command]

    def start(self, *conf: str) -> None:
        """The daemon, anew, with these lines in nix.conf."""
        self.stop()
        text = "\n".join(["substituters =", "build-users-group = nixbld", *conf, ""])
        subprocess.run(self.inside("tee", "/etc/nix/nix.conf"), input=text, text=True, check=True,
                       stdout=subprocess.DEVNULL)
        self.daemon = subprocess.Popen(self.inside("nix-daemon", "--daemon"), stderr=subprocess.PIPE)
        for _ in range(200):
            if subprocess.run(self.inside("nix", "--extra-experimental-features", "nix-command", "--store", "daemon",
                                          "store", "ping"), capture_output=True).returncode == 0:
                return
            assert self.daemon.poll() is None, self.daemon.stderr.read()
            time.sleep(0.05)
        raise AssertionError("the daemon does not answer")

    def stop(self) -> None:
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait(10)
            self.daemon.stderr.close()
            self.daemon = None

    def user(self, *command: str, uid: int = UID) -> subprocess.CompletedProcess:
        environment = {"HOME": str(self.home), "USER": USER, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        return subprocess.run(
            self.inside("setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--",
                        "env", "-C", str(self.project), *command),
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

    def box(self, *arguments: str, **more) -> subprocess.CompletedProcess:
        return self.user(f"{self.directory}/claudebox", *arguments, **more)

    def sh(self, script: str, *options: str) -> subprocess.CompletedProcess:
        return self.box("run", "--yes", "--quiet", *options, "--", "/bin/sh", "-c", script)

    def close(self) -> None:
        self.stop()
        self.holder.terminate()
        self.holder.wait(10)
        self.holder.stdout.close()
        for path in self.made:
            os.rmdir(path)


@pytest.fixture(scope="module")
def nix():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cbx-nix-", dir="/var/tmp"))
    directory.chmod(0o755)
    host = None
    try:
        host = NixHost(directory)
        yield host
    finally:
        if host:
            host.close()
        shutil.rmtree(directory)


@contextlib.contextmanager
def server(content: bytes):
    """A server on the host's loopback; gives its port and the paths that were asked for."""
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
        yield made.server_port, asked
    finally:
        made.shutdown()
        made.server_close()


def test_a_local_derivation_is_built_from_an_offline_box(nix):
    done = nix.sh(f"{NIX} build -f default.nix -o /tmp/result && cat /tmp/result", *OFFLINE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "built with care\n"


def test_a_daemon_that_is_started_anew_is_found(nix):
    """The box has the socket's directory: a restarted daemon makes another socket."""
    box = subprocess.Popen(
        nix.inside("setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--", "env", "-C",
                   str(nix.project), f"{nix.directory}/claudebox", "run", "--yes", "--quiet", *OFFLINE, "--", "/bin/sh",
                   "-c", f"echo up; read go; {NIX} store ping"),
        env={"HOME": str(nix.home), "USER": USER, "PATH": "/usr/bin:/bin"}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert box.stdout.readline() == "up\n"
    nix.start()
    output, _ = box.communicate("go\n", timeout=60)
    assert box.returncode == 0, output


def test_without_the_grant_there_is_neither_socket_nor_store(nix):
    done = nix.sh("ls /nix", "--network", "offline")
    assert done.returncode != 0
    assert "No such file" in done.stderr


def test_what_the_audit_says_of_it_is_so(nix):
    """An offline box has the daemon fetch from the host's loopback. If this fails, the audit says too much."""
    content = b"not so offline\n"
    digest = base64.b16encode(hashlib.sha256(content).digest()).decode().lower()
    with server(content) as (port, asked):
        expression = ("derivation { name = \"fetched\"; system = \"builtin\"; builder = \"builtin:fetchurl\"; "
                      f"url = \"http://127.0.0.1:{port}/said-by-the-box\"; outputHashMode = \"flat\"; "
                      f"outputHashAlgo = \"sha256\"; outputHash = \"{digest}\"; preferLocalBuild = true; }}")
        (nix.project / "fetch.nix").write_text(expression)
        done = nix.sh(f"{NIX} build -f fetch.nix -o /tmp/result && cat /tmp/result", *OFFLINE)
    assert done.stdout == content.decode(), done.stderr
    assert asked == ["/said-by-the-box"]
    audit = nix.box("plan", *OFFLINE, "--", "true")
    assert "with this machine's network" in " ".join((audit.stdout + audit.stderr).split())
    record = json.loads(nix.box("plan", "--json", *OFFLINE, "--", "true").stdout)
    assert record["network"]["nix_daemon"]["granted"]
    assert all(isinstance(danger, str) for danger in record["network"]["nix_daemon"]["dangers"])
    assert record["network"]["nix_daemon"]["dangers"]


def test_offline_takes_a_second_word(nix):
    done = nix.sh("true", "--network", "offline", "--nix-daemon")
    assert done.returncode == 2
    assert "--nix-daemon-network" in done.stderr


def test_it_is_refused_to_whom_the_daemon_trusts(nix):
    """Such a user's client makes the daemon run a program as root: shown first, outside a box, then refused."""
    nix.start(f"trusted-users = root {USER}")
    try:
        hook = nix.project / "hook"
        mark = nix.directory / "mark"
        hook.write_text(f"#!/bin/sh\nid -u > {mark}\n")
        hook.chmod(0o755)
        (nix.project / "other.nix").write_text(DERIVATION.replace("care", "power"))
        nix.user("env", "NIX_REMOTE=daemon", "/bin/sh", "-c",
                 f"{NIX} build -f other.nix --no-link --option post-build-hook {hook}")
        assert mark.read_text() == "0\n", "the danger is real"
        done = nix.sh("true", *OFFLINE)
        assert done.returncode == 125
        assert "would be root on this machine" in done.stderr
    finally:
        nix.start()
    assert nix.sh("true", *OFFLINE).returncode == 0


def test_it_is_refused_to_root(nix):
    done = nix.box("run", "--yes", *OFFLINE, "--", "true", uid=0)
    assert done.returncode == 125
    assert "trusts root" in done.stderr
