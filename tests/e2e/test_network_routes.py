"""What the networks and routes of a host mean for its boxes: VPNs of every kind, routes that lead nowhere, networks that
come and go, and none at all (NET-2, NET-7, NET-10)."""

from __future__ import annotations

import ipaddress
import json
import time

import pytest

from network_host import net, where  # noqa: F401
from testnet import LAN4, NEIGHBOUR4, NEIGHBOUR6, PUBLIC4, PUBLIC6

VPN6 = "addr add fd7a:115c:a1e0::9/128 dev vpn0 nodad"
NO_VPN6 = "addr del fd7a:115c:a1e0::9/128 dev vpn0"


def everything_but_private() -> list[str]:
    """What calculators for AllowedIPs of WireGuard make of "all but the private networks"."""
    parts = [ipaddress.ip_network("0.0.0.0/0")]
    for private in map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")):
        parts = [piece for part in parts
                 for piece in (part.address_exclude(private) if private.subnet_of(part) else [part])]
    return [str(part) for part in parts if part.network_address < ipaddress.ip_address("224.0.0.0")]


def outcomes(where, *addresses: str, **more) -> list[str]:
    """For each address who answered at its port 80, or why nobody did."""
    results = where.attempts(*[("tcp", address, 80) for address in addresses], **more)
    return [result["errno"] or " ".join(result["data"].split()[-3:-1]) for result in results]


# --- VPNs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ways", [("2000::/3",), ("::/1", "8000::/1")])
def test_a_tunnel_for_all_of_ipv6_is_the_internet(where, net, ways):
    with net.changed(VPN6, *[f"route add {way} dev vpn0" for way in ways],
                     undo=(*[f"route del {way} dev vpn0" for way in ways], NO_VPN6)):
        assert outcomes(where, PUBLIC6, PUBLIC4, NEIGHBOUR6, "fd7a:115c:a1e0::9", "fd7a:115c:a1e0::53") == \
            ["PUBLIC vpn", "PUBLIC internet", "EACCES", "EACCES", "EACCES"]


def test_a_tunnel_for_all_but_private_networks_is_the_internet(where, net):
    """None of its routes is short enough to be a default route alone: together they are."""
    ways = everything_but_private()
    net.ip("route add local 172.64.0.0/16 dev lo", "route add local 192.30.0.0/16 dev lo", space="vpn")
    with net.changed("addr add 10.9.0.2/32 dev vpn0", *[f"route add {way} dev vpn0" for way in ways],
                     undo=(*[f"route del {way} dev vpn0" for way in ways], "addr del 10.9.0.2/32 dev vpn0")):
        got = outcomes(where, PUBLIC4, "172.64.1.1", "192.30.252.1", LAN4, NEIGHBOUR4, "10.9.0.1")
    assert got[0] == "PUBLIC vpn" and got[1].endswith("vpn") and got[2].endswith("vpn")
    assert got[3:] == ["EHOSTUNREACH"] * 3


@pytest.mark.parametrize("table", ["main", "52"])
def test_an_ipv6_network_of_a_vpn_is_not_public(where, net, table):
    net.ip(VPN6, f"route add 2a0e:1111:70::/48 dev vpn0 table {table}")
    net.run("host", "ip", "-6", "rule", "add", "pref", "100", "lookup", "52")
    try:
        net.forget()
        assert outcomes(where, "2a0e:1111:70::5", PUBLIC6) == ["EACCES", "PUBLIC internet"]
        assert not [contact for contact in net.contacts() if contact[0] == "vpn"]
    finally:
        net.run("host", "ip", "-6", "rule", "del", "pref", "100")
        net.ip(f"route del 2a0e:1111:70::/48 dev vpn0 table {table}", NO_VPN6, check=False)


# --- other routes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, commands, undo", [
    ("next hop object", ("nexthop add id 7 dev vpn0", "route add 45.91.0.0/16 nhid 7"),
     ("route del 45.91.0.0/16", "nexthop del id 7")),
    ("several next hops", ("route add 45.91.0.0/16 nexthop dev vpn0 nexthop via 192.168.77.1 dev lan0",),
     ("route del 45.91.0.0/16",)),
    ("a neighbour's network", ("route add 45.91.0.0/16 via 192.168.77.1 dev lan0",), ("route del 45.91.0.0/16",)),
    ("a network as the host's own", ("route add local 45.91.0.0/16 dev lo",), ("route del local 45.91.0.0/16 dev lo",)),
])
def test_a_route_elsewhere_is_not_public(where, net, kind, commands, undo):
    with net.changed(*commands, undo=undo):
        net.forget()
        assert outcomes(where, "45.91.1.1", PUBLIC4) == ["EHOSTUNREACH", "PUBLIC internet"]
        assert {contact[2] for contact in net.contacts()} == {PUBLIC4}


def test_a_route_that_leads_nowhere_fails_at_once(where, net):
    with net.changed("route add blackhole 45.91.0.0/16", "route add unreachable 45.70.0.0/16",
                     undo=("route del 45.91.0.0/16", "route del 45.70.0.0/16")):
        results = where.attempts(("tcp", "45.91.1.1", 80), ("tcp", "45.70.1.1", 80), ("tcp", PUBLIC4, 80))
    assert [bool(result["errno"]) for result in results] == [True, True, False]
    assert max(result["ms"] for result in results) < 900


def test_a_more_exact_way_to_the_same_router_is_still_public(where, net):
    with net.changed("route add 45.90.80.81/32 via 45.80.10.1 dev pub0", undo=("route del 45.90.80.81/32",)):
        assert outcomes(where, "45.90.80.81") == ["PUBLIC internet"]


def test_no_network_of_the_host_is_shadowed(where, net):
    """Not even where it has the addresses that the box has inside."""
    addresses = ["198.51.100.10/24", "10.0.2.10/24", "fd00::10/64"]
    with net.changed(*[f"addr add {address} dev lan0 {'nodad' if ':' in address else ''}" for address in addresses],
                     undo=tuple(f"addr del {address} dev lan0" for address in addresses)):
        net.forget()
        assert outcomes(where, PUBLIC4, PUBLIC6, "198.51.100.20", "198.51.100.10", "10.0.2.20", "fd00::20") == \
            ["PUBLIC internet", "PUBLIC internet", "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH", "EACCES"]
        (named,) = where.attempts(("tcp", "public.test", 80, {"resolve": True}))
        assert "PUBLIC" in named["data"]
        assert {contact[2] for contact in net.contacts() if contact[3] == 80} == {PUBLIC4, PUBLIC6}


def test_a_host_without_a_network_has_boxes_that_fail_at_once(where, net):
    down = [f"link set {device} down" for device in ("pub0", "lan0", "docker0")]
    up = [f"link set {device} up" for device in ("pub0", "lan0", "docker0")]
    lost = ("addr add 2a0e:1111:10::10/64 dev pub0 nodad", "addr add 2001:db8:77::10/64 dev lan0 nodad",
            "route add default via 45.80.10.1 dev pub0", "route add ::/0 via 2a0e:1111:10::1 dev pub0")
    with net.changed(*down, undo=(*up, *lost)):
        results = where.attempts(("tcp", PUBLIC4, 80), ("tcp", PUBLIC6, 80), ("tcp", "public.test", 80, {"resolve": True}))
    assert all(result["errno"] for result in results)
    assert max(result["ms"] for result in results) < 5000
    assert outcomes(where, PUBLIC4, PUBLIC6) == ["PUBLIC internet"] * 2, "the test network is as it was"


# --- what comes and goes -------------------------------------------------------------------------------------------------

FLOWS = """
import errno, socket, sys
def talk(kind, address, open_={}):
    try:
        s = open_.get((kind, address))
        if s is None:
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind); s.settimeout(3)
            s.connect((address, 7)); open_[kind, address] = s
        s.send(b"x")
        return "answered" if s.recv(100) else "closed"
    except OSError as error: return errno.errorcode.get(error.errno, "timeout")
print("ready", flush=True)
for line in sys.stdin:
    print(*[talk(kind, address) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) for address in line.split()], flush=True)
"""


def test_open_flows_to_a_network_that_the_host_gains_are_cut_in_both_families(where, net):
    with where.talking(FLOWS) as box:
        def ask() -> list[str]:
            box.stdin.write("45.70.0.8 2a0e:1111:70::8\n")
            box.stdin.flush()
            return box.stdout.readline().split()

        assert ask() == ["answered"] * 4
        gained = ("addr add 45.70.0.1/16 dev lan0", "addr add 2a0e:1111:70::1/48 dev lan0 nodad")
        with net.changed(*gained, undo=("addr del 45.70.0.1/16 dev lan0", "addr del 2a0e:1111:70::1/48 dev lan0")):
            time.sleep(0.3)
            net.forget()
            tcp4, tcp6, udp4, udp6 = ask()
            assert tcp4 in ("ECONNRESET", "EPIPE") and tcp6 in ("ECONNRESET", "EPIPE")
            assert (udp4, udp6) == ("EHOSTUNREACH", "EACCES")
            assert not [packet for packet in net.packets() if packet[1] in ("45.70.0.8", "2a0e:1111:70::8")]
            left = net.run("host", "ss", "-Htn", "state", "established", "dst", "45.70.0.8").stdout
            assert not left, "its socket on the host is closed, too"
        time.sleep(0.3)
        assert ask()[2:] == ["answered"] * 2, "what the host has lost is public again"


def test_denied_is_at_once_while_much_is_sent(where):
    script = f"""
import errno, json, socket, threading, time
def upload(address):
    s = socket.create_connection((address, 9))
    while True: s.sendall(bytes(1 << 18))
for address in ({PUBLIC4!r}, {PUBLIC6!r}): threading.Thread(target=upload, args=(address,), daemon=True).start()
time.sleep(0.3)
worst, names = 0, set()
for n in range(400):
    start = time.monotonic()
    s = socket.socket()
    names.add(errno.errorcode.get(s.connect_ex(({LAN4!r}, 80)))); s.close()
    worst = max(worst, time.monotonic() - start)
print(json.dumps([worst, sorted(names)]))
"""
    worst, names = json.loads(where.python(script))
    assert names == ["EHOSTUNREACH"] and worst < 0.9, "a SYN was sent again"
