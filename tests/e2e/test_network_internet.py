"""The tier internet: everything public, and nothing else, whatever a process does with its sockets (NET-2, NET-6, NET-7,
NET-10, NET-12)."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time

import pytest

from network_host import net, where  # noqa: F401
from testnet import (HOST4, HOST6, LAN4, LAN6, LAN_HOST4, LAN_HOST6, METADATA4, METADATA6, NEIGHBOUR4, NEIGHBOUR6, OTHER4,
                     PUBLIC4, PUBLIC6, ROUTER4, ROUTER6)

HOSTS_OWN = [HOST4, HOST6, LAN_HOST4, LAN_HOST6, "172.17.0.1"]
NEAR = [LAN4, LAN6, NEIGHBOUR4, NEIGHBOUR6, ROUTER4, ROUTER6, METADATA4, METADATA6]
ELSEWHERE = ["0.1.2.3", "10.1.2.3", "100.64.1.2", "100.100.100.200", "168.63.129.16", "172.20.1.2", "192.0.0.192", "192.0.2.7",
             "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.1",
             "198.51.100.2", "198.51.100.77", "203.0.113.5", "240.0.0.1", "255.255.255.254"]
ELSEWHERE6 = ["::2", "::ffff:0:0:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:1ff::1", "2001:db8:1::1", "2002:2d5a:5050::1",
              "3fff::1", "5f00::1", "fc00::1", "fd00::2", "fd00::3", "fec0::1", "4000::1"]


def disguises(v4: str) -> list[str]:
    packed = socket.inet_aton(v4)
    high, low = packed[:2].hex(), packed[2:].hex()
    return [f"::ffff:{v4}", f"::{v4}", f"2002:{high}:{low}::1", f"64:ff9b::{high}:{low}",
            f"2001:0:{high}:{low}:0:0:0:1", f"2001:0:2d5a:5050:0:0:{packed[0] ^ 255:02x}{packed[1] ^ 255:02x}:"
                                            f"{packed[2] ^ 255:02x}{packed[3] ^ 255:02x}"]


def expected_errno(address: str) -> set[str]:
    # A mapped address is IPv4 on the wire. The kernel refuses some by itself: no route, no such destination.
    v4 = ":" not in address or (address.startswith("::ffff:") and "." in address)
    return {"EHOSTUNREACH" if v4 else "EACCES", "EINVAL", "ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"}


def check_denied(results: list[dict], net) -> None:
    for result in results:
        address = result["attempt"][1]
        assert result["errno"] is not None, f"{result['attempt']} was answered: {result['data']!r}"
        assert "LEAK" not in result["data"]
        assert result["errno"] in expected_errno(address), result
    assert not net.contacts(), "somebody was met"


# --- what is reachable -------------------------------------------------------------------------------------------------


def test_everything_public_is_reachable(where, net):
    results = where.attempts(("tcp", PUBLIC4, 80), ("tcp", PUBLIC6, 80), ("udp", PUBLIC4, 7), ("udp", PUBLIC6, 7),
                             ("tcp", OTHER4, 443), ("ping", PUBLIC4, 0), ("tcp", "public.test", 80, {"resolve": True}),
                             ("tcp", f"::ffff:{PUBLIC4}", 80), ("tcp", "45.70.1.2", 80))
    for result in results:
        assert result["errno"] is None, result
        if result["attempt"][0] != "ping":
            assert "PUBLIC internet" in result["data"], result


def test_a_public_address_is_reachable_through_every_kind_of_socket(where):
    results = where.attempts(*[(how, address, 80 if how == "tcp" else 7, {"via": via})
                               for how in ("tcp", "udp") for address in (PUBLIC4, PUBLIC6)
                               for via in ("bindtodevice", "unicast_if", "bound")])
    assert [r for r in results if r["errno"]] == []


def test_bulk_data_arrives_whole_both_ways(where):
    script = f"""
import os, socket
for address in ({PUBLIC4!r}, {PUBLIC6!r}):
    s = socket.create_connection((address, 7)); s.settimeout(20)
    for size in (1, 1399, 1460, 20000, 65000) * 20:
        data = os.urandom(size)
        s.sendall(data)
        got = b""
        while len(got) < size: got += s.recv(size)
        if got != data: raise SystemExit("damaged")
print("whole")
"""
    assert where.python(script) == "whole\n"


# --- what is not -------------------------------------------------------------------------------------------------------


def test_no_private_or_special_address_is_reachable(where, net):
    addresses = HOSTS_OWN + NEAR + ELSEWHERE + ELSEWHERE6
    check_denied(where.attempts(*[("tcp", address, 80) for address in addresses]), net)
    check_denied(where.attempts(*[("udp", address, 7) for address in addresses]), net)


def test_no_disguise_helps(where, net):
    targets = [LAN4, METADATA4, LAN_HOST4, HOST4, "127.0.0.1", "10.0.0.1"]
    attempts = [("tcp", disguise, 80) for target in targets for disguise in disguises(target)]
    results = [r for r in where.attempts(*attempts)
               if not (r["attempt"][1] == "::ffff:127.0.0.1" and r["errno"] == "ECONNREFUSED")]  # the box's own
    check_denied(results, net)


def test_no_spelling_helps(where, net):
    spellings = ["3232255252", "0300.0250.0115.024", "0xc0.0xa8.0x4d.0x14", "192.168.19732", "192.11030804"]
    check_denied(where.attempts(*[("tcp", text, 80, {"resolve": True}) for text in spellings]), net)


@pytest.mark.parametrize("via", ["bindtodevice", "unicast_if", "bound", "options"])
def test_a_socket_that_chooses_its_way_reaches_no_more(where, net, via):
    addresses = HOSTS_OWN + NEAR
    results = where.attempts(*[(how, address, 80 if how == "tcp" else 7, {"via": via, "timeout": 1})
                               for how in ("tcp", "udp") for address in addresses])
    assert not net.contacts()
    for result in results:
        assert result["errno"] not in (None, "timeout"), result


def test_packets_that_name_their_interface_reach_no_more(where, net):
    results = where.attempts(*[("udp", address, 7, {"pktinfo": True, "timeout": 0.3}) for address in HOSTS_OWN + NEAR])
    results += where.attempts(*[("tcp", address, 80, {"fastopen": True}) for address in HOSTS_OWN + NEAR])
    results += where.attempts(*[("ping", address, 0, {"timeout": 0.5}) for address in HOSTS_OWN + NEAR])
    results += where.attempts(("tcp", "fe80::1", 80, {"scope": True}))
    assert not net.contacts()
    assert [r for r in results if r["errno"] is None] == []


def test_what_can_not_pass_fails_at_once(where, net):
    """Kinds of packet that slirp4netns does not answer, or that choose their own way: never a time-out."""
    script = f"""
import errno, json, socket, struct, time
def outcome(family, kind, protocol, address, options=(), size=20):
    start, name = time.monotonic(), None
    try:
        with socket.socket(family, kind, protocol) as s:
            s.settimeout(3)
            for option in options: s.setsockopt(*option)
            s.connect((address, 7))
            s.send((b"\\x80" if family == socket.AF_INET6 else b"\\x08") + bytes(size))
            s.recv(100)
    except TimeoutError: name = "timeout"
    except OSError as error: name = errno.errorcode.get(error.errno)
    return [name, time.monotonic() - start]
v4, v6, dgram, stream = socket.AF_INET, socket.AF_INET6, socket.SOCK_DGRAM, socket.SOCK_STREAM
options = [bytes([1, 1, 1, 1]), bytes([7, 7, 4, 0, 0, 0, 0, 0]), bytes([148, 4, 0, 0])]
print(json.dumps([
    outcome(v6, dgram, socket.IPPROTO_ICMPV6, {PUBLIC6!r}), outcome(v6, dgram, 0, {PUBLIC6!r}, size=65500),
    outcome(v4, dgram, 136, {PUBLIC4!r}), outcome(v6, dgram, 136, {PUBLIC6!r}), outcome(v4, stream, 132, {PUBLIC4!r}),
    *[outcome(v4, stream, 0, {PUBLIC4!r}, [(socket.IPPROTO_IP, 4, each)]) for each in options],
    outcome(v4, dgram, 0, {LAN4!r}, size=65500), outcome(v6, dgram, 0, {LAN6!r}, size=65500),
    outcome(v4, stream, 262, {LAN4!r}), outcome(v6, stream, 262, {LAN6!r})]))
"""
    for name, seconds in json.loads(where.python(script)):
        assert name not in (None, "timeout") and seconds < 0.9, (name, seconds)
    assert not net.contacts()


def test_multicast_and_broadcast_never_leave(where, net):
    net.packets()
    where.attempts(("udp", "239.255.255.250", 1900, {"timeout": 0.2}), ("udp", "224.0.0.251", 5353, {"timeout": 0.2, "via": "bindtodevice"}),
                   ("udp", "255.255.255.255", 7, {"timeout": 0.2, "broadcast": True}),
                   ("udp", "192.168.77.255", 7, {"timeout": 0.2, "broadcast": True}),
                   ("udp", "ff02::fb", 5353, {"timeout": 0.2, "pktinfo": True}))
    assert not net.packets()


def test_the_box_s_own_loopback_is_not_the_host_s(where, net):
    results = where.attempts(("tcp", "127.0.0.1", 8080), ("tcp", "::1", 8080))
    assert [r["errno"] for r in results] == ["ECONNREFUSED", "ECONNREFUSED"]


def test_what_is_denied_fails_at_once_and_is_logged(where):
    results = where.attempts(*[("tcp", LAN4, 80)] * 200, *[("tcp", LAN6, 80)] * 200)
    assert max(r["ms"] for r in results) < 900, "a SYN was sent again"
    denials = [e for e in where.log("--denied")["events"] if e["kind"] == "denied"]
    assert {(e["protocol"], e["address"], e["port"]) for e in denials} >= {("tcp", LAN4, 80), ("tcp", LAN6, 80)}


# --- what changes while the box lives ----------------------------------------------------------------------------------


def box_with_shell(where, script: str) -> subprocess.Popen:
    return where.popen("/usr/bin/python3", "-u", "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


CONVERSATION = f"""
import errno, socket, sys
s = socket.create_connection(("45.70.0.7", 7)); s.settimeout(5)
def talk():
    try:
        s.sendall(b"ping")
        return s.recv(4).decode()
    except OSError as error:
        return errno.errorcode.get(error.errno, "timeout")
def fresh():
    try:
        socket.create_connection(("45.70.0.8", 7), 5).close()
        return "connected"
    except OSError as error:
        return errno.errorcode.get(error.errno, "timeout")
for line in sys.stdin:
    print(talk(), fresh(), flush=True)
"""


def ask(box: subprocess.Popen) -> str:
    box.stdin.write("go\n")
    box.stdin.flush()
    return box.stdout.readline().strip()


@pytest.mark.parametrize("change, undo", [
    (("addr add 45.70.0.1/16 dev lan0",), ("addr del 45.70.0.1/16 dev lan0",)),
    (("route add 45.70.0.0/16 dev vpn0",), ("route del 45.70.0.0/16 dev vpn0",)),
    (("route add 45.70.0.0/16 dev vpn0 table 52", "rule add pref 100 lookup 52"),
     ("rule del pref 100", "route flush table 52")),
])
def test_what_the_host_gains_is_denied_and_open_connections_are_cut(where, net, change, undo):
    box = box_with_shell(where, CONVERSATION)
    try:
        assert ask(box) == "ping connected"
        with net.changed(*change, undo=undo):
            deadline = time.monotonic() + 5
            # Until the supervisor has had its turn, which others may take on a busy machine (docs/threat-model.md).
            while (answer := ask(box)).endswith("connected") and time.monotonic() < deadline:
                pass
            # A connection that was just being opened is cut as well: refused.
            assert answer.split()[0] in ("ECONNRESET", "EPIPE") and answer.split()[1] in ("EHOSTUNREACH", "ECONNREFUSED")
            assert ask(box).endswith("EHOSTUNREACH")
    finally:
        box.stdin.close()
        box.wait(20)


@pytest.mark.parametrize("vpn", ["wg-quick", "openvpn", "plain default"])
def test_the_internet_stays_reachable_where_a_vpn_is_the_default_route(where, net, vpn):
    change, undo = {
        "wg-quick": (("addr add 10.9.0.2/32 dev vpn0", "route add default dev vpn0 table 51820",
                      "rule add pref 100 not fwmark 0xca6c table 51820", "rule add pref 99 table main suppress_prefixlength 0"),
                     ("rule del pref 100", "rule del pref 99", "route flush table 51820", "addr del 10.9.0.2/32 dev vpn0")),
        "openvpn": (("addr add 10.8.0.2/24 dev vpn0", "route add 0.0.0.0/1 dev vpn0", "route add 128.0.0.0/1 dev vpn0",
                     "route add 45.90.53.77/32 via 45.80.10.1 dev pub0"),
                    ("route del 45.90.53.77/32", "route del 0.0.0.0/1", "route del 128.0.0.0/1", "addr del 10.8.0.2/24 dev vpn0")),
        "plain default": (("addr add 10.7.0.2/24 dev vpn0", "route replace default dev vpn0"),
                          ("route replace default via 45.80.10.1 dev pub0", "addr del 10.7.0.2/24 dev vpn0")),
    }[vpn]
    with net.changed(*change, undo=undo):
        reached, denied = where.attempts(("tcp", PUBLIC4, 80), ("tcp", "10.9.0.1", 80))
    assert "PUBLIC vpn" in reached["data"], reached
    assert denied["errno"] == "EHOSTUNREACH"


@pytest.mark.parametrize("change, undo, target", [
    (("addr add 100.80.1.1/32 dev vpn0", "route add 45.91.0.0/16 dev vpn0 table 52", "rule add pref 100 lookup 52"),
     ("rule del pref 100", "route flush table 52", "addr del 100.80.1.1/32 dev vpn0"), "45.91.1.1"),
    (("addr add 10.6.0.2 peer 45.91.7.7/32 dev vpn0",), ("addr del 10.6.0.2 peer 45.91.7.7/32 dev vpn0",), "45.91.7.7"),
    (("addr add 45.91.8.8/32 dev lo",), ("addr del 45.91.8.8/32 dev lo",), "45.91.8.8"),
])
def test_a_vpn_s_public_looking_networks_are_not_public(where, net, change, undo, target):
    with net.changed(*change, undo=undo):
        (result,) = where.attempts(("tcp", target, 80))
        assert result["errno"] == "EHOSTUNREACH", result
        assert not net.contacts()


def test_what_comes_back_is_judged_too(where, net):
    """libslirp's UDP sockets take packets from anybody once something was sent."""
    script = f"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(b"hello", ({PUBLIC4!r}, 7))
print(s.recv(100).decode(), flush=True)
sys.stdin.readline()
s.settimeout(1)
try: print("GOT", s.recvfrom(100))
except TimeoutError: print("nothing")
"""
    net.contacts()
    box = box_with_shell(where, script)
    try:
        assert "PUBLIC" in box.stdout.readline()
        ports = net.run("host", "ss", "-Hun", check=False).stdout + net.run("host", "ss", "-Huan").stdout
        numbers = {int(word.rsplit(":", 1)[1]) for line in ports.splitlines() for word in line.split()[3:4]}
        shots = ";".join(f"s.sendto(b'evil', ({LAN_HOST4!r}, {port}))" for port in sorted(numbers) if port > 1024)
        net.run("lan", "/usr/bin/python3", "-c", f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(({LAN4!r}, 7777)); {shots}")
        assert shots, "slirp4netns has a socket"
        box.stdin.write("\n")
        box.stdin.flush()
        assert box.stdout.readline().strip() == "nothing"
    finally:
        box.stdin.close()
        box.wait(20)
    assert [e for e in where.log("--denied")["events"] if e.get("incoming")], "and it is in the log"


# --- the first act -----------------------------------------------------------------------------------------------------


def test_the_first_act_of_a_command_succeeds(where):
    script = f"""
import socket
socket.create_connection(({PUBLIC6!r}, 80), 30).close()
socket.create_connection(({PUBLIC4!r}, 80), 30).close()
socket.getaddrinfo("public.test", 80)
print("ok")
"""
    for _ in range(15):
        assert where.python(script) == "ok\n"


def test_the_log_names_what_was_looked_up_and_reached(where):
    where.attempts(("tcp", "public.test", 80, {"resolve": True}))
    events = where.log()["events"]
    assert any(e["kind"] == "lookup" and e["name"] == "public.test" and e["result"] == "answered" for e in events)
    reached = [e for e in events if e["kind"] == "reached" and e["address"] in (PUBLIC4, PUBLIC6) and e["port"] == 80]
    assert reached and reached[-1]["bytes_out"] > 0 and reached[-1]["bytes_in"] > 0


def test_json_of_a_plan_says_what_is_open(where):
    done = where.claudebox("plan", "--json", "--lan", "192.168.77.20:80", "--publish", "3000", "--", "true")
    network = json.loads(done.stdout)["network"]
    assert network["tier"] == "internet" and network["lan"][0]["destination"] == "192.168.77.20/32"
    assert network["publish"][0]["host_port"] == 3000


# --- the network of the tests itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [LAN4, LAN6, NEIGHBOUR4, NEIGHBOUR6, METADATA4, METADATA6, "10.1.2.3", "192.0.2.7", "fc00::1",
                                     "2002:2d5a:5050::1"])
def test_without_a_box_somebody_would_answer(net, address):
    done = net.run("host", "/usr/bin/python3", "-c", f"import socket; s = socket.create_connection(({address!r}, 80), 5); "
                                                     "s.sendall(b'x'); print(s.recv(4096).decode())")
    assert "LEAK" in done.stdout
    net.forget()


def test_timings_show_the_parts_of_the_network(where):
    done = where.run("true", options=("--timings",))
    assert done.returncode == 0, done.stderr
    stages = re.findall(r"(?:: |, )([a-z0-9' ]+) [\d.]+ ms", done.stderr)
    assert stages[-2:] == ["release", "box"], "the command starts when all is ready"
    assert {"slirp4netns cloned", "namespaces", "gateway told", "host's networks", "slirp4netns connected",
            "slirp4netns ready", "gateway confined"} < set(stages)
