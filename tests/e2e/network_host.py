"""A host in the test network: claudebox runs there, and a probe in its box reports what came of each attempt."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pathlib
import subprocess

import pytest

import descendants
from conftest import Host, TIMEOUT
from testnet import TestNet, libc

PROBE = (pathlib.Path(__file__).parent / "net_probe.py").read_text()


@pytest.fixture(scope="module")
def net():
    """The test network, one for a file of tests."""
    made = TestNet()
    yield made
    made.close()


class NetworkHost:
    """Boxes on `host`, whose network is the host of `net`."""

    def __init__(self, host: Host, net: TestNet):
        self.host, self.net = host, net
        # claudebox is copied: an ordinary user's namespaces see root's build tree no better than the user does.
        self.options: tuple[str, ...] = ()

    def enter(self) -> None:
        self.net.enter("host")

    def popen(self, *command: str, network: str = "internet", options: tuple[str, ...] = (),
              **more) -> subprocess.Popen:
        return self.host.popen("run", "--yes", "--quiet", "--network", network, *self.options, *options, "--", *command,
                               preexec_fn=self.enter, **more)

    @contextlib.contextmanager
    def talking(self, script: str, **more):
        """A box with a Python script that has printed "ready", to talk to by its standard streams. Ended afterwards."""
        box = self.popen("/usr/bin/python3", "-u", "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, **more)
        try:
            assert box.stdout.readline() == "ready\n", box.communicate()[1]
            yield box
        finally:
            box.terminate()
            box.communicate(timeout=TIMEOUT)

    def claudebox(self, *arguments: str, **more) -> subprocess.CompletedProcess:
        return self.host.box(*arguments, preexec_fn=self.enter, **more)

    def run(self, *command: str, network: str = "internet", options: tuple[str, ...] = (),
            **more) -> subprocess.CompletedProcess:
        return self.host.box("run", "--yes", "--quiet", "--network", network, *self.options, *options, "--", *command,
                             preexec_fn=self.enter, **more)

    def sh(self, script: str, **more) -> subprocess.CompletedProcess:
        return self.run("/bin/sh", "-c", script, **more)

    def python(self, script: str, **more) -> str:
        """What a Python script in the box prints; it has to succeed."""
        done = self.run("/usr/bin/python3", "-c", script, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def attempts(self, *attempts: tuple, timeout: float = TIMEOUT, **more) -> list[dict]:
        """The results of net_probe.py, each with its attempt."""
        whole = [[how, address, port, options[0] if options else {}] for how, address, port, *options in attempts]
        done = self.run("/usr/bin/python3", "-c", PROBE, stdin=None, input=json.dumps(whole), timeout=timeout, **more)
        assert done.returncode == 0, done.stderr
        return [dict(result, attempt=each) for each, result in zip(whole, json.loads(done.stdout))]

    def log(self, *options: str) -> dict:
        """The record of the last session, which has ended, with its events one by one."""
        done = self.claudebox("log", "--follow", "--json", *options)
        assert done.returncode == 0, done.stderr
        session, *events, end = (json.loads(line) for line in done.stdout.splitlines())
        return {**session, **end, "events": events}


@pytest.fixture
def where(host, net):
    """Boxes on a host in the test network. Fails a test after which half a second later any process is left."""
    descendants.adopt_orphans()
    net.forget()
    before = set(descendants.below(os.getpid()))
    yield NetworkHost(host, net)
    left = descendants.wait_for_none(os.getpid(), before, 0.5)
    descendants.end(left)
    assert not left, f"processes left behind: {left}"


@contextlib.contextmanager
def inside_network(where: NetworkHost, network: str = "internet", options: tuple[str, ...] = ()):
    """A box that lives, and a function that runs a command in its network namespace only: outside of its other namespaces and
    its filter, as root with every capability there. Whoever the box's processes could become has less."""
    with where.talking("print('ready'); import sys; sys.stdin.read()  # INSIDE", network=network, options=options) as box:
        (pid, *_) = [pid for pid, command in descendants.below(box.pid).items()
                     if "# INSIDE" in command and not command.startswith(where.host.binary)]

        def enter() -> None:
            where.net.enter("host", ordinary=False)
            space = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
            if libc.setns(space, 0) < 0:
                raise OSError(ctypes.get_errno(), "setns")

        def run(*command: str, **more) -> subprocess.CompletedProcess:
            more.setdefault("stdin", subprocess.DEVNULL)
            return subprocess.run(command, preexec_fn=enter, capture_output=True, text=True, timeout=TIMEOUT, **more)

        yield run
