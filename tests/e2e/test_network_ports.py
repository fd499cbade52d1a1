"""Ports between the loopbacks, in every tier with a network of its own, and private destinations that are a way out:
--publish, --reach and proxies (NET-9, NET-11)."""

from __future__ import annotations

import json
import socket
import subprocess
import time

import pytest

from network_host import net, where  # noqa: F401
from testnet import HOST4, LAN_HOST4, PUBLIC4

TIERS = {"internet": (), "allowlist": ("--allow", "v4.test"), "offline": ()}
tiers = pytest.mark.parametrize("network", TIERS)

# A server that reads to the end of the input and then says how much it was and its checksum; to many at once.
SERVER = """
import socket, sys, threading, zlib
def serve(client):
    total = check = 0
    try:
        while data := client.recv(1 << 16): total, check = total + len(data), zlib.crc32(data, check)
        client.sendall(b"got %d %x" % (total, check))
        client.close()
    except OSError as error: print(type(error).__name__, flush=True)
def listen(address, port):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, port)); s.listen(512)
    def accept():
        while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
"""

# A client for any namespace: connects COUNT times at once, sends SIZE random bytes on each, ends its side, reads to the
# end. "right" where the server got just that.
CLIENT = """
import errno, json, os, socket, sys, zlib
address, port, size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
results, clients = [], []
for _ in range(count):
    try:
        s = socket.create_connection((address, port), 10); clients.append(s)
    except OSError as error:
        results.append(errno.errorcode.get(error.errno, "timeout"))
for s in clients:
    try:
        sent, data = os.urandom(size), b""
        s.sendall(sent); s.shutdown(socket.SHUT_WR)
        while got := s.recv(1 << 16): data += got
        results.append("right" if data == b"got %d %x" % (size, zlib.crc32(sent)) else data.decode())
    except OSError as error:
        results.append(errno.errorcode.get(error.errno, "timeout"))
print(json.dumps(results))
"""


def serving(*places: tuple[str, int]) -> str:
    return SERVER + "".join(f"listen({address!r}, {port})\n" for address, port in places) + \
        'print("ready", flush=True)\nsys.stdin.read()\n'


def connect(net, address: str, port: int, size: int = 5, count: int = 1, space: str = "host") -> list[str]:
    done = net.run(space, "/usr/bin/python3", "-S", "-c", CLIENT, address, str(port), str(size), str(count))
    return json.loads(done.stdout)


def publish(*ports: str) -> tuple[str, ...]:
    return tuple(word for port in ports for word in ("--publish", port))


def reach(*ports: str) -> tuple[str, ...]:
    return tuple(word for port in ports for word in ("--reach", port))


# --- from the host into the box ----------------------------------------------------------------------------------------


@tiers
def test_a_server_in_the_box_is_published_wherever_it_listens(where, net, network):
    script = serving(("127.0.0.1", 3000), ("::1", 3001), ("0.0.0.0", 3002), ("::", 3003))
    with where.talking(script, network=network,
                       options=(*TIERS[network], *publish("3000", "3001", "3002", "13003:3003"))):
        for address in ("127.0.0.1", "::1"):
            for port in (3000, 3001, 3002, 13003):
                assert connect(net, address, port) == ["right"], (address, port)
        assert connect(net, "127.0.0.1", 3003) == ["ECONNREFUSED"], "not published under this number"


def test_what_is_published_is_for_this_machine_only(where, net):
    with where.talking(serving(("0.0.0.0", 3000)), options=publish("3000")):
        assert connect(net, LAN_HOST4, 3000, space="lan") == ["ECONNREFUSED"]
        assert connect(net, HOST4, 3000, space="internet") == ["ECONNREFUSED"]
        assert connect(net, LAN_HOST4, 3000) == ["ECONNREFUSED"]


def test_much_data_and_half_closed_connections(where, net):
    with where.talking(serving(("127.0.0.1", 3000)), network="offline", options=publish("3000")):
        assert connect(net, "127.0.0.1", 3000, size=32 << 20) == ["right"]
        assert connect(net, "127.0.0.1", 3000, size=0) == ["right"]


def test_many_connections_at_once(where, net):
    with where.talking(serving(("127.0.0.1", 3000)), network="offline", options=publish("3000")):
        assert connect(net, "127.0.0.1", 3000, size=100, count=300) == ["right"] * 300
        assert connect(net, "127.0.0.1", 3000) == ["right"]


def test_a_port_without_a_server_ends_the_connection_at_once(where, net):
    with where.talking(serving(), network="offline", options=publish("3000")):
        start = time.monotonic()
        assert connect(net, "127.0.0.1", 3000)[0] in ("", "ECONNRESET", "EPIPE")
        assert time.monotonic() - start < 5


def test_a_reset_comes_through(where, net):
    with where.talking(serving(("127.0.0.1", 3000)), network="offline", options=publish("3000")) as box:
        net.run("host", "/usr/bin/python3", "-S", "-c",
                "import socket, struct; s = socket.create_connection(('127.0.0.1', 3000)); s.sendall(b'x');"
                "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.close()")
        assert box.stdout.readline() == "ConnectionResetError\n"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_taken_port_is_said_before_anything_starts(where, net, address):
    holder = net.popen("host", "/usr/bin/python3", "-S", "-u", "-c",
                       f"import socket; s = socket.create_server(({address!r}, 3100), family=socket.AF_INET{6 if ':' in address else ''});"
                       "print('ready'); s.accept()", stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "ready\n"
        done = where.sh("touch started", options=publish("3100"))
    finally:
        holder.kill()
        holder.communicate()
    assert done.returncode == 125
    assert "3100" in done.stderr and "taken" in done.stderr and "hint:" in done.stderr
    assert not (where.host.project / "started").exists()
    # The end of whoever had it, or of a box, makes it free.
    for _ in range(2):
        assert where.sh("touch started", options=publish("3100")).returncode == 0


@pytest.mark.ordinary_user
def test_a_port_that_takes_a_privilege_is_said_before_anything_starts(where):
    done = where.sh("true", options=publish("81"))
    assert done.returncode == 125 and "privilege" in done.stderr and "hint:" in done.stderr


def test_ports_of_a_box_end_with_it(where, net):
    script = serving(("127.0.0.1", 3000))
    with where.talking(script, options=publish("3000")) as box:
        client = net.popen("host", "/usr/bin/python3", "-S", "-u", "-c",
                           "import socket; s = socket.create_connection(('127.0.0.1', 3000)); s.sendall(b'x'); print('in')\n"
                           "try: print(repr(s.recv(10)))\nexcept OSError as e: print(type(e).__name__)",
                           stdout=subprocess.PIPE, text=True)
        assert client.stdout.readline() == "in\n"
        box.kill()
        assert client.communicate(timeout=10)[0] in ("b''\n", "ConnectionResetError\n")
    assert connect(net, "127.0.0.1", 3000) == ["ECONNREFUSED"]


def test_in_the_tier_full_they_mean_nothing_and_that_is_said(where):
    for option in ("--publish", "--reach"):
        done = where.claudebox("run", "--yes", "--network", "full", option, "3000", "--", "true")
        assert done.returncode == 2 and option in done.stderr


@pytest.mark.parametrize("typed", ["0", "65536", "http", "1:2:3", ":80", "80:", "-1", "127.0.0.1:80:80", ""])
def test_a_port_that_is_none_is_an_error_of_usage(where, typed):
    assert where.claudebox("run", "--yes", f"--publish={typed}", "--", "true").returncode == 2


# --- from the box to the host ------------------------------------------------------------------------------------------


def lines(where, *attempts, **more) -> list[str]:
    return [result["errno"] or result["data"].split("\r\n")[-1].strip() for result in where.attempts(*attempts, **more)]


@tiers
def test_a_port_of_the_host_s_loopback_is_reached_and_no_other(where, network):
    assert lines(where, ("tcp", "127.0.0.1", 8080), ("tcp", "::1", 8080), ("tcp", "127.0.0.1", 80), ("tcp", "::1", 80),
                 ("tcp", "127.0.0.2", 8080), network=network, options=(*TIERS[network], *reach("8080"))) == \
        ["LEAK host 127.0.0.1", "LEAK host 127.0.0.1", "ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"]


def test_a_service_of_the_host_may_listen_on_one_family_only(where, net):
    for address in ("127.0.0.1", "::1"):
        service = net.popen("host", "/usr/bin/python3", "-S", "-u", "-c",
                            f"import socket; s = socket.create_server(({address!r}, 3200), family=socket.AF_INET{6 if ':' in address else ''})\n"
                            "print('ready')\nwhile True: c = s.accept()[0]; c.recv(99); c.sendall(b'hello'); c.close()",
                            stdout=subprocess.PIPE, text=True)
        try:
            assert service.stdout.readline() == "ready\n"
            assert lines(where, ("tcp", "127.0.0.1", 3200), ("tcp", "::1", 3200), options=reach("3200")) == ["hello", "hello"]
        finally:
            service.kill()
            service.communicate()


def test_a_service_that_is_not_there_ends_the_connection_at_once(where):
    (result,) = where.attempts(("tcp", "127.0.0.1", 3300), options=reach("3300"))
    assert result["errno"] in (None, "ECONNRESET", "EPIPE") and result["data"] == "" and result["ms"] < 2000, result


def test_a_service_that_starts_later_is_reached(where, net):
    script = """
import socket, sys
print("ready", flush=True)
for line in sys.stdin:
    try:
        s = socket.create_connection(("127.0.0.1", 3400), 5); s.sendall(b"x"); print(s.recv(9), flush=True)
    except OSError: print("none", flush=True)
"""
    with where.talking(script, network="offline", options=reach("3400")) as box:
        def ask() -> str:
            box.stdin.write("go\n")
            box.stdin.flush()
            return box.stdout.readline().strip()

        assert ask() in ("b''", "none")
        service = net.popen("host", "/usr/bin/python3", "-S", "-u", "-c",
                            "import socket; s = socket.create_server(('127.0.0.1', 3400)); print('ready'); c = s.accept()[0]; c.sendall(b'late')",
                            stdout=subprocess.PIPE, text=True)
        assert service.stdout.readline() == "ready\n"
        assert ask() == "b'late'"
        service.communicate(timeout=10)


def test_the_box_holds_no_socket_of_the_host(where):
    """What a process in the box gets of --reach is its own namespace's: it can't be turned into a listener on the host."""
    script = """
import socket
s = socket.create_connection(("127.0.0.1", 8080), 5)
print(s.getsockname()[0], s.getpeername()[0])
s.connect_ex(("0.0.0.0", 0))
s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n"); print(s.recv(4096)[-20:])
t = socket.socket(); t.bind(("127.0.0.1", 45999)); t.listen(); print("listening here")
"""
    assert "listening here" in where.python(script, options=reach("8080"))


# --- a proxy as the only way out -----------------------------------------------------------------------------------------

PROXY = """
import socket, sys
s = socket.create_server((sys.argv[1], 3128))
print("ready", flush=True)
while True:
    c = s.accept()[0]
    line = c.recv(65536).split(b"\\r\\n")[0]
    body = b"PROXIED " + line.split()[1]
    c.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body)); c.close()
"""


@pytest.mark.parametrize("kind", ["private", "loopback"])
@pytest.mark.parametrize("network", ["internet", "allowlist"])
def test_a_proxy_may_be_the_only_way_out(where, net, kind, network):
    address, space, options = {"private": ("192.168.77.30", "lan", ("--lan", "192.168.77.30:3128")),
                               "loopback": ("127.0.0.1", "host", reach("3128"))}[kind]
    if network == "allowlist" and kind == "loopback":
        options += ("--allow", "v4.test")
    proxy = net.popen(space, "/usr/bin/python3", "-S", "-u", "-c", PROXY, "0.0.0.0" if kind == "private" else address,
                      stdout=subprocess.PIPE, text=True)
    try:
        assert proxy.stdout.readline() == "ready\n"
        with net.changed("route del default", "route del ::/0",
                         undo=("route add default via 45.80.10.1 dev pub0", "route add ::/0 via 2a0e:1111:10::1 dev pub0")), \
                net.name_servers("127.0.0.1" if kind == "loopback" else "192.168.77.1"):
            started = time.monotonic()
            done = where.sh(f"curl -sS --max-time 10 -x http://{address}:3128 http://elsewhere.example/page; echo; "
                            f"curl -sS --max-time 10 http://{PUBLIC4}/", network=network, options=options)
        assert done.stdout.splitlines()[0] == "PROXIED http://elsewhere.example/page", done.stderr
        assert "PUBLIC" not in done.stdout and "connect" in done.stderr.lower()
        assert time.monotonic() - started < 8, "without a route a connection fails at once"
    finally:
        proxy.kill()
        proxy.communicate()
