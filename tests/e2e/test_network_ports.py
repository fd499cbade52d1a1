"""Ports between the box's loopback and the host's (NET-9)."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time

import pytest

pytestmark = pytest.mark.parametrize("network", ["offline", "internet"])

SERVER = """
import socket, sys, threading
s = socket.socket({family}); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(({address!r}, {port})); s.listen(128)
print("up", flush=True)
def serve(c):
    data = b""
    while got := c.recv(65536): data += got
    c.sendall(data[::-1]); c.close()
while True:
    c, _ = s.accept(); threading.Thread(target=serve, args=(c,), daemon=True).start()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exchange(address: str, port: int, data: bytes) -> bytes:
    """Sends all, half-closes, reads to the end."""
    with socket.create_connection((address, port), 20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        while part := connection.recv(65536):
            got += part
        return got


@contextlib.contextmanager
def box(host, network, options, script):
    """A box that runs a Python script, once it has said "up"."""
    running = host.popen("run", "--yes", "--quiet", "--network", network, *options, "--", "/usr/bin/python3", "-u", "-c", script,
                         stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout.readline() == "up\n"
        yield running
    finally:
        running.terminate()
        running.wait(20)


@pytest.mark.parametrize("family, address", [("socket.AF_INET", "127.0.0.1"), ("socket.AF_INET6", "::1"), ("socket.AF_INET", "0.0.0.0")])
def test_a_server_in_the_box_is_published_on_the_host_s_loopback(host, network, family, address):
    port = free_port()
    with box(host, network, ("--publish", f"{port}:3000"), SERVER.format(family=family, address=address, port=3000)):
        for here in ("127.0.0.1", "::1"):
            assert exchange(here, port, b"abc" * 100_000) == b"cba" * 100_000
        results = []
        threads = [threading.Thread(target=lambda n=n: results.append(exchange("127.0.0.1", port, b"%d" % n) == (b"%d" % n)[::-1]))
                   for n in range(100, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert results == [True] * 100


def test_nobody_in_the_box_is_a_closed_connection(host, network):
    port = free_port()
    with box(host, network, ("--publish", str(port)), "print('up', flush=True); import time; time.sleep(60)"):
        with pytest.raises(OSError):
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                connection.sendall(b"x")
                if not connection.recv(1):
                    raise OSError("closed")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_of_the_host_s_loopback_is_reached(host, network, address):
    port = free_port()
    family = "socket.AF_INET6" if ":" in address else "socket.AF_INET"
    server = subprocess.Popen(["/usr/bin/python3", "-u", "-c", SERVER.format(family=family, address=address, port=port)],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "up\n"
        script = f"""
import socket
for here in ("127.0.0.1", "::1"):
    c = socket.create_connection((here, {port}), 20); c.sendall(b"abc" * 50000); c.shutdown(socket.SHUT_WR)
    got = b""
    while part := c.recv(65536): got += part
    print(got == b"cba" * 50000)
try: socket.create_connection(("127.0.0.1", {port + 1 if port < 65535 else port - 1}), 5); print("open")
except ConnectionRefusedError: print("refused")
"""
        done = host.run("/usr/bin/python3", "-c", script, network=network, options=("--quiet", "--reach", str(port)))
        assert done.stdout.split() == ["True", "True", "refused"], done.stderr
    finally:
        server.kill()
        server.wait()


def test_a_port_that_is_taken_is_said_before_anything_starts(host, network):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        done = host.run("touch", "ran", network=network, options=("--publish", str(port)))
    assert done.returncode == 125 and str(port) in done.stderr and "hint:" in done.stderr
    assert not (host.project / "ran").exists()
