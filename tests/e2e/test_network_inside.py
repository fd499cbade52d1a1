"""Whoever stands in the box's network with every capability, without the filter of system calls: raw packets of every kind,
forged and broken ones, routes and addresses changed. Nothing in that namespace is policy (NET-2, NET-12)."""

from __future__ import annotations

import json

import pytest

from network_host import inside_network, net, where  # noqa: F401
from testnet import HOST4, HOST6, LAN4, LAN6, METADATA4, NEIGHBOUR4, PUBLIC4, PUBLIC6

BOX4, BOX6 = "198.51.100.100", "fd00::100"
PRIVATE4 = [LAN4, HOST4, METADATA4, NEIGHBOUR4, "127.0.0.1", "10.0.2.2", "198.51.100.2", "198.51.100.1"]
PRIVATE6 = [LAN6, HOST6, "::1", "fd00::2", "fd00::3", "fec0::2", "fe80::2", "::ffff:192.168.77.20", "64:ff9b::c0a8:4d14"]

# Packets from the words of the command line (JSON), put on the box's device as they are.
CRAFT = """
import ipaddress, json, socket, struct, sys
packed = lambda text: ipaddress.ip_address(text).packed
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def transport(protocol, source, destination, port, body):
    if protocol == 17: head = lambda c: struct.pack("!4H", 4444, port, 8 + len(body), c) + body
    elif protocol == 6: head = lambda c: struct.pack("!2H2I4H", 4444, port, 1, 0, 0x5002, 65535, c, 0)
    else: return struct.pack("!2BH2H", 8 if len(source) == 4 else 128, 0, 0, 1, 1) + body
    pseudo = source + destination + struct.pack("!2H" if len(source) == 4 else "!2I", protocol, len(head(0)))
    return head(checksum(pseudo + head(0)))
def v4(source, destination, protocol=17, port=7, body=b"hello", options=b"", fragment=0, payload=None, total=None, ihl=None, version=4):
    source, destination = packed(source), packed(destination)
    inner = payload if payload is not None else transport(protocol, source, destination, port, body)
    length = total if total is not None else 20 + len(options) + len(inner)
    words = ihl if ihl is not None else (20 + len(options)) // 4
    head = lambda c: struct.pack("!2B3H2BH", version << 4 | words, 0, length, 7, fragment, 64, protocol, c) + source + destination + options
    return head(checksum(head(0))) + inner
def v6(source, destination, protocol=17, port=7, body=b"hello", extension=b"", first=None, payload=None, length=None):
    source, destination = packed(source), packed(destination)
    inner = payload if payload is not None else transport(protocol, source, destination, port, body)
    inner = extension + inner
    return struct.pack("!IHBB", 6 << 28, length if length is not None else len(inner), first if first is not None else protocol, 64) \\
        + source + destination + inner
link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
def put(packet):
    try: link.sendto(packet, ("tun0", 0x0800 if packet[:1] < b"\\x50" else 0x86dd)); return 1
    except OSError: return 0
"""


def craft(enter, script: str) -> int:
    """How many packets were put on the device."""
    done = enter("/usr/bin/python3", "-c", CRAFT + "sent = 0\n" + script + "\nprint(sent)")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def met(net) -> set[tuple]:
    """Whom packets of boxes came to. Whatever the gateway asks name servers is its own."""
    return {contact[:4] for contact in net.contacts()}


@pytest.fixture
def enter(where, net):
    with inside_network(where) as run:
        net.forget()
        yield run
        # The gateway has lived through it, and passes what it should.
        net.forget()
        assert craft(run, f"sent = put(v4({BOX4!r}, {PUBLIC4!r})) + put(v6({BOX6!r}, {PUBLIC6!r}))") == 2
        wait_for(net, {("internet", "udp", PUBLIC4, 7), ("internet", "udp", PUBLIC6, 7)})
    incidents = [event for event in where.log()["events"] if event["kind"] == "incident"]
    assert not incidents


def wait_for(net, wanted: set) -> None:
    seen: set = set()
    for _ in range(500):
        seen |= met(net)
        if wanted <= seen:
            return
    raise AssertionError(f"{wanted - seen} never arrived; {seen}")


def check_nothing_left(net) -> None:
    """Nobody was met, and no packet left the host: not even towards what is public."""
    assert not met(net)
    assert not net.packets()


def test_packets_as_they_are(enter, net):
    sent = craft(enter, f"""
for target in {PRIVATE4!r}:
    for protocol in (1, 6, 17): sent += put(v4({BOX4!r}, target, protocol, 80 if protocol == 6 else 7))
for target in {PRIVATE6!r}:
    for protocol in (58, 6, 17): sent += put(v6({BOX6!r}, target, protocol, 80 if protocol == 6 else 7))
""")
    assert sent == 3 * (len(PRIVATE4) + len(PRIVATE6))
    check_nothing_left(net)


def test_a_forged_source_leaves_nowhere(enter, net):
    sent = craft(enter, f"""
for source in ({LAN4!r}, {HOST4!r}, {PUBLIC4!r}, "198.51.100.2", "127.0.0.1", "0.0.0.0", "255.255.255.255", "198.51.100.101"):
    for target in ({PUBLIC4!r}, {LAN4!r}):
        for protocol in (1, 6, 17): sent += put(v4(source, target, protocol, 80 if protocol == 6 else 7))
for source in ({LAN6!r}, {HOST6!r}, {PUBLIC6!r}, "::1", "::", "fe80::1", "ff02::1", "fd00::101", "::ffff:192.168.77.20"):
    for target in ({PUBLIC6!r}, {LAN6!r}):
        for protocol in (58, 6, 17): sent += put(v6(source, target, protocol, 80 if protocol == 6 else 7))
""")
    assert sent == 3 * 2 * (8 + 9)
    check_nothing_left(net)


def test_ip_options_and_routing_headers_choose_no_way(enter, net):
    """A public first hop, a private last one, and the other way round."""
    sent = craft(enter, f"""
for kind in (131, 137):  # loose and strict source routes
    for destination, hop in (({PUBLIC4!r}, {LAN4!r}), ({LAN4!r}, {PUBLIC4!r})):
        sent += put(v4({BOX4!r}, destination, options=bytes([kind, 7, 4]) + packed(hop) + b"\\0"))
        sent += put(v4({BOX4!r}, destination, 6, 80, options=bytes([kind, 7, 4]) + packed(hop) + b"\\0"))
for kind in (0, 2, 3, 4):
    for destination, hop in (({PUBLIC6!r}, {LAN6!r}), ({LAN6!r}, {PUBLIC6!r})):
        for before in (b"", bytes([43, 0, 1, 4, 0, 0, 0, 0])):  # hop-by-hop options ahead
            header = before + struct.pack("!4BI", 17, 2, kind, 1, 0) + packed(hop)
            sent += put(v6({BOX6!r}, destination, extension=header, first=0 if before else 43))
""")
    assert sent == 8 + 16
    check_nothing_left(net)


def test_fragments_are_judged_one_by_one(enter, net):
    """A first one that is harmless or too short to tell, later ones, and headers that come in the second part."""
    sent = craft(enter, f"""
whole = transport(17, packed({BOX4!r}), packed({LAN4!r}), 7, bytes(64))
for target in ({LAN4!r}, {HOST4!r}, {METADATA4!r}):
    for fragment, part in ((0x2000, whole[:8]), (0x0001, whole[8:]), (0x2000, whole[:0]), (0x2001, whole[8:16]), (0x0002, whole[16:])):
        sent += put(v4({BOX4!r}, target, fragment=fragment, payload=part))
tcp = transport(6, packed({BOX4!r}), packed({LAN4!r}), 80, b"")
sent += put(v4({BOX4!r}, {LAN4!r}, 6, fragment=0x2000, payload=tcp[:8])) + put(v4({BOX4!r}, {LAN4!r}, 6, fragment=1, payload=tcp[8:]))
for target in ({LAN6!r}, {HOST6!r}):
    for offset, part in ((1, whole[:8]), (8, whole[8:]), (9, whole[8:16])):
        sent += put(v6({BOX6!r}, target, extension=struct.pack("!2BHI", 17, 0, offset, 7), first=44, payload=part))
""")
    assert sent == 15 + 2 + 6
    check_nothing_left(net)


def test_packets_in_packets_and_other_protocols_are_not_carried(enter, net):
    sent = craft(enter, f"""
inner4, inner6 = v4({BOX4!r}, {LAN4!r}), v6({BOX6!r}, {LAN6!r})
for protocol, inner in ((4, inner4), (41, inner6), (47, b"\\0\\0\\x08\\0" + inner4), (132, bytes(12)), (136, bytes(12)), (2, bytes(8)), (255, bytes(8))):
    for target in ({PUBLIC4!r}, {LAN4!r}): sent += put(v4({BOX4!r}, target, protocol, payload=inner))
for protocol, inner in ((4, inner4), (41, inner6), (47, b"\\0\\0\\x86\\xdd" + inner6), (59, b""), (132, bytes(12)), (0, inner6)):
    for target in ({PUBLIC6!r}, {LAN6!r}): sent += put(v6({BOX6!r}, target, protocol, payload=inner))
""")
    assert sent == 14 + 12
    check_nothing_left(net)


def test_broken_packets_do_no_harm(enter, net):
    """Lengths that lie, versions that do not exist, and packets that end in the middle; that the gateway lives on is seen in the
    end of the fixture."""
    sent = craft(enter, f"""
good4, good6 = v4({BOX4!r}, {LAN4!r}), v6({BOX6!r}, {LAN6!r})
for good in (good4, good6):
    for length in range(1, len(good)): sent += put(good[:length])
    for version in range(16): sent += put(bytes([version << 4 | good[0] & 15]) + good[1:])
for total in (0, 19, 20, 21, 27, 500, 65535): sent += put(v4({BOX4!r}, {LAN4!r}, total=total))
for words in (0, 1, 4, 6, 15): sent += put(v4({BOX4!r}, {LAN4!r}, ihl=words))
for length in (0, 1, 7, 500, 65535): sent += put(v6({BOX6!r}, {LAN6!r}, length=length))
for first in (0, 43, 44, 50, 51, 60, 135): sent += put(v6({BOX6!r}, {LAN6!r}, first=first, payload=bytes([first, 255]) + bytes(30)))
for draw in range(300):
    import random
    random.seed(draw)
    broken = bytearray(good4 if draw % 2 else good6)
    for _ in range(3): broken[random.randrange(len(broken) - 5 if draw % 2 else 8)] = random.randrange(256)
    broken[16:20] = packed({LAN4!r}) if draw % 2 else broken[16:20]
    sent += put(bytes(broken))
""")
    assert sent > 300
    check_nothing_left(net)


def test_routes_and_addresses_change_nothing(enter, net):
    """The namespace is the attacker's: every address is on link there, and the host's are its own."""
    for words in (("addr", "add", "192.168.77.99/24", "dev", "tun0"), ("-6", "addr", "add", "2001:db8:77::99/64", "dev", "tun0", "nodad"),
                  ("route", "replace", LAN4, "dev", "tun0", "src", BOX4), ("route", "replace", f"{METADATA4}/32", "dev", "tun0", "src", BOX4),
                  ("-6", "route", "replace", f"{LAN6}/128", "dev", "tun0"), ("link", "set", "tun0", "mtu", "9000"),
                  ("rule", "add", "pref", "1", "to", "192.168.0.0/16", "lookup", "main")):
        done = enter("ip", *words)
        assert done.returncode == 0, (words, done.stderr)
    script = """
import errno, json, socket, sys
results = []
for source, address in json.loads(sys.argv[1]):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.settimeout(0.5)
    try: s.bind((source, 0)); s.connect((address, 80)); results.append("connected")
    except OSError as error: results.append(errno.errorcode.get(error.errno, "timeout"))
print(json.dumps(results))
"""
    ways = [("0.0.0.0", LAN4), ("192.168.77.99", LAN4), (BOX4, LAN4), (BOX4, METADATA4), ("::", LAN6), ("2001:db8:77::99", LAN6), (BOX6, LAN6)]
    done = enter("/usr/bin/python3", "-c", script, json.dumps(ways))
    results = json.loads(done.stdout)
    assert "connected" not in results and len(results) == len(ways), done.stderr
    check_nothing_left(net)
