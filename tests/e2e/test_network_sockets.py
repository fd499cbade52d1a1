"""What an ordinary process in a box tries with its sockets beyond choosing an address: sources that are not its own, raw and
packet sockets, namespaces and routes of its own (NET-2, BOX-7)."""

from __future__ import annotations

import json

from network_host import net, where  # noqa: F401
from testnet import LAN4, LAN6, LAN_HOST4, PUBLIC4, PUBLIC6

SCRIPT = """
import ctypes, errno, json, os, socket, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def outcome(act):
    try: act(); return "ok"
    except OSError as error: return errno.errorcode.get(error.errno, "timeout")
def foreign_source(source, target):
    with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET) as s:
        s.settimeout(1); s.setsockopt(socket.SOL_IP, 15, 1); s.bind((source, 0)); s.connect((target, 80))  # IP_FREEBIND
def source_of_packet(source, target):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendmsg([b"x"], [(socket.IPPROTO_IP, 8, struct.pack("I", 0) + socket.inet_aton(source) + bytes(4))], 0, (target, 7))
def kinds(): return [outcome(lambda: socket.socket(*each).close()) for each in (
    (socket.AF_INET, socket.SOCK_RAW, 6), (socket.AF_INET6, socket.SOCK_RAW, 58), (socket.AF_PACKET, socket.SOCK_RAW, 0),
    (socket.AF_PACKET, socket.SOCK_DGRAM, 0))]
"""


def test_a_source_of_somebody_else_gets_no_packet_anywhere(where, net):
    script = SCRIPT + f"""
print(json.dumps([outcome(lambda: foreign_source(*each)) for each in (({LAN4!r}, {PUBLIC4!r}), ({LAN_HOST4!r}, {PUBLIC4!r}),
    ({PUBLIC4!r}, {LAN4!r}), ({LAN6!r}, {PUBLIC6!r}))] + [outcome(lambda: source_of_packet({LAN4!r}, {PUBLIC4!r}))]))"""
    net.forget()
    assert "ok" not in json.loads(where.python(script))[:4]
    assert not net.contacts()


def test_no_raw_and_no_packet_socket(where):
    wanted = ["EPERM", "EPERM", "EAFNOSUPPORT", "EAFNOSUPPORT"]
    assert json.loads(where.python(SCRIPT + "print(json.dumps(kinds()))")) == wanted


def test_namespaces_of_its_own_lead_nowhere(where, net):
    """With a user namespace, in which it has every capability; with a network namespace too, there is not even a device."""
    script = SCRIPT + f"""
results = []
for flags in (0x10000000, 0x10000000 | 0x40000000):
    read, write = os.pipe()
    if os.fork() == 0:
        made = libc.unshare(flags) == 0
        changed = [subprocess.run(["ip", *words.split()], capture_output=True).returncode for words in (
            "route add {LAN4} dev tun0", "addr add 192.168.77.99/24 dev tun0", "link add v0 type veth peer name v1 netns 1")]
        with_socket = outcome(lambda: socket.create_connection(({LAN4!r}, 80), 1))
        os.write(write, json.dumps([made, changed, with_socket, kinds()]).encode()); os._exit(0)
    os.wait(); results.append(json.loads(os.read(read, 4096)))
print(json.dumps(results))"""
    net.forget()
    for made, changed, reached, kinds in json.loads(where.python(script)):
        assert made, "a namespace could not be made, so nothing is shown"
        assert 0 not in changed and reached in ("EHOSTUNREACH", "ENETUNREACH")
        assert kinds == ["EPERM", "EPERM", "EAFNOSUPPORT", "EAFNOSUPPORT"]
    assert not net.contacts()
