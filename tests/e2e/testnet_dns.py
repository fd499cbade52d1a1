"""The name servers of the test network: one zone with everything that a name server can say. Pure: bytes to bytes.

Which server was asked matters for a few names only; all are logged. Names end in .test, apart from the real client's.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct

A, NS, CNAME, SOA, TXT, AAAA, HTTPS = 1, 2, 5, 6, 16, 28, 65
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3

PUBLIC4, OTHER4 = "45.90.80.80", "45.90.80.81"
PUBLIC6, OTHER6 = "2a0e:1111:100::80", "2a0e:1111:100::81"
API4, API6 = "45.90.80.100", "2a0e:1111:100::100"
VPN_SERVER = "100.100.100.100"  # the only one that knows only.vpn.test

MANY = [f"45.90.82.{n}" for n in range(1, 61)]

# name -> type -> values
ZONE: dict[str, dict[int, list[str]]] = {
    "public.test": {A: [PUBLIC4], AAAA: [PUBLIC6]},
    "other.test": {A: [OTHER4], AAAA: [OTHER6]},
    "v4.test": {A: [PUBLIC4]},
    "v6.test": {AAAA: [PUBLIC6]},
    "refused.test": {A: ["45.90.80.85"]},
    "www.chain.test": {CNAME: ["one.provider.test"]},
    "one.provider.test": {CNAME: ["two.provider.test"]},
    "two.provider.test": {CNAME: ["edge.provider.test"]},
    "edge.provider.test": {A: ["45.90.80.82"], AAAA: ["2a0e:1111:100::82"]},
    "loop.test": {CNAME: ["loop.test"]},
    "many.test": {A: MANY},
    "text.test": {TXT: [f"{n:03d}" + "x" * 120 for n in range(12)]},
    "tc.test": {A: ["45.90.80.83"]},
    "wild.test": {A: ["45.90.80.84"]},
    "*.wild.test": {A: ["45.90.80.84"]},
    "short.test": {A: ["45.90.80.86"]},
    "moving.test": {A: ["45.90.80.87"]},
    "slow.test": {A: ["45.90.80.88"]},
    "stray.test": {A: ["45.90.80.89"]},
    "https.test": {A: ["45.90.80.90"], HTTPS: ["45.90.80.91"]},
    "escape.test": {CNAME: ["\x1b[31mred\n.test"]},
    "\x1b[31mred\n.test": {A: ["45.90.80.92"]},
    "forged.test": {A: ["45.90.80.93"]},
    "printer.lan.test": {A: ["192.168.77.20"], AAAA: ["2001:db8:77::20"]},
    "rebind-lan.test": {A: ["192.168.77.20"]},
    "rebind-lan6.test": {AAAA: ["2001:db8:77::20"]},
    "rebind-host.test": {A: ["45.80.10.10"]},
    "rebind-host6.test": {AAAA: ["2a0e:1111:10::10"]},
    "rebind-onlink.test": {A: ["45.80.10.77"]},
    "rebind-loopback.test": {A: ["127.0.0.1"], AAAA: ["::1"]},
    "rebind-null.test": {A: ["0.0.0.0"], AAAA: ["::"]},
    "rebind-mapped.test": {AAAA: ["::ffff:192.168.77.20"]},
    "rebind-nat64.test": {AAAA: ["64:ff9b::c0a8:4d14"]},
    "rebind-6to4.test": {AAAA: ["2002:c0a8:4d14::1"]},
    "rebind-metadata.test": {A: ["169.254.169.254"], AAAA: ["fd00:ec2::254"]},
    "rebind-mixed.test": {A: [PUBLIC4, "192.168.77.20"]},
    "rebind-chain.test": {CNAME: ["rebind-lan.test"]},
    "only.vpn.test": {A: ["45.90.80.94"]},
    "api.anthropic.com": {A: [API4], AAAA: [API6]},  # what the real client asks for
    "platform.claude.com": {A: [API4], AAAA: [API6]},
    "downloads.claude.ai": {A: [API4], AAAA: [API6]},
    "host.corp.test": {A: ["45.90.80.95"]},  # found as "host" with the search domain corp.test
}
SILENT = "silent.test"  # never answered
TTL = {"short.test": 1, "moving.test": 1}


@dataclasses.dataclass
class Reply:
    packets: list[bytes]
    delay: float = 0.0


def encode_name(name: str) -> bytes:
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in labels) + b"\0"


def question(packet: bytes) -> tuple[str, int, int]:
    """Name, type, and where the question ends. Throws on anything that is no question."""
    labels, at = [], 12
    while length := packet[at]:
        if length > 63:
            raise ValueError("compressed")
        labels.append(packet[at + 1:at + 1 + length].decode("latin-1"))
        at += 1 + length
    (kind,) = struct.unpack_from(">H", packet, at + 1)
    return ".".join(labels), kind, at + 5


def record(owner: str, kind: int, value: str, ttl: int) -> bytes:
    if kind in (A, AAAA):
        data = ipaddress.ip_address(value).packed
    elif kind == CNAME:
        data = encode_name(value)
    elif kind == TXT:
        data = bytes([len(value)]) + value.encode()
    elif kind == HTTPS:  # priority 1, target ".", ipv4hint
        data = struct.pack(">H", 1) + b"\0" + struct.pack(">HH", 4, 4) + ipaddress.ip_address(value).packed
    else:
        raise ValueError(kind)
    return encode_name(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def find(name: str) -> dict[int, list[str]] | None:
    lower = name.lower()
    if lower in ZONE:
        return ZONE[lower]
    parent = lower
    while "." in parent:
        parent = parent.split(".", 1)[1]
        if f"*.{parent}" in ZONE:
            return ZONE[f"*.{parent}"]
    return None


def answers(name: str, kind: int, server: str) -> tuple[int, list[bytes]]:
    """The code of the answer and its records, along the chain."""
    records: list[bytes] = []
    for _ in range(10):
        known = find(name)
        if known is None or (name.lower() == "only.vpn.test" and server != VPN_SERVER):
            return (NOERROR if records else NXDOMAIN), records
        ttl = TTL.get(name.lower(), 300)
        if kind in known:
            return NOERROR, records + [record(name, kind, value, ttl) for value in known[kind]]
        if CNAME not in known:
            return NOERROR, records
        records.append(record(name, CNAME, known[CNAME][0], ttl))
        name = known[CNAME][0]
    return NOERROR, records


def edns_size(packet: bytes, end: int) -> int:
    """How long an answer may be: what an OPT record without a name says, else 512 (RFC 6891)."""
    if struct.unpack_from(">H", packet, 10)[0] and packet[end:end + 3] == b"\0\0\x29":
        return max(512, struct.unpack_from(">H", packet, end + 3)[0])
    return 512


def reply(packet: bytes, server: str, tcp: bool) -> tuple[str, int, Reply]:
    """The name and type that were asked for, and what to send."""
    name, kind, end = question(packet)
    lower = name.lower()
    if lower == SILENT:
        return name, kind, Reply([])
    code, records = answers(name, kind, server)
    if lower == "stray.test" and records:  # an address of a name that nobody asked for
        records += [record("elsewhere.test", A, "45.90.81.1", 300)]

    def message(identity: bytes, given: list[bytes], flags: int = 0x8180) -> bytes:
        return identity + struct.pack(">HHHHH", flags | code, 1, len(given), 0, 0) + packet[12:end] + b"".join(given)

    whole = message(packet[:2], records)
    if not tcp and (lower == "tc.test" or len(whole) > edns_size(packet, end)):
        return name, kind, Reply([message(packet[:2], [], 0x8380)])
    if lower == "forged.test" and not tcp:  # an answer to another question comes first
        wrong = bytes([packet[0] ^ 0x55, packet[1]])
        return name, kind, Reply([message(wrong, [record(name, A, "45.90.81.2", 300)]), whole])
    return name, kind, Reply([whole], 1.0 if lower == "slow.test" else 0.0)
