"""The Nix daemon's socket in a box: a real nix-daemon with a store of its own, in a mount namespace of the test.

Only root can start the daemon; the boxes are an ordinary user's, since to root it is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess

import pytest

from nix_host import USER, nix_host, server

pytestmark = pytest.mark.root

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


@pytest.fixture(scope="module")
def nix():
    with nix_host("daemon") as host:
        subprocess.run(["gcc", "-static", "-x", "c", "-o", host.project / "builder", "-"], input=BUILDER, text=True,
                       check=True)
        (host.project / "default.nix").write_text(DERIVATION)
        host.own(host.project)
        yield host


def test_a_local_derivation_is_built_from_an_offline_box(nix):
    done = nix.sh(f"{NIX} build -f default.nix -o /tmp/result && cat /tmp/result", *OFFLINE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "built with care\n"


def test_a_daemon_that_is_started_anew_is_found(nix):
    """The box has the socket's directory: a restarted daemon makes another socket."""
    box = nix.popen("run", "--yes", "--quiet", *OFFLINE, "--", "/bin/sh", "-c", f"echo up; read go; {NIX} store ping",
                    stdin=subprocess.PIPE, stderr=subprocess.STDOUT)
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
    with server(content) as (url, asked):
        expression = ("derivation { name = \"fetched\"; system = \"builtin\"; builder = \"builtin:fetchurl\"; "
                      f"url = \"{url}/said-by-the-box\"; outputHashMode = \"flat\"; "
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
