#!/usr/bin/python3
"""The process that holds the test network of testnet.py: its namespaces, every server in them, and a witness that
sees each packet of the host. It makes everything itself, needs no privilege, and dies with whoever holds the other
end of its control socket.

  testnet_world.py CONTROL-FD DIRECTORY

One process and one loop: a socket belongs to the namespace in which it was made, wherever its process goes later.
"""

from __future__ import annotations

import ctypes
import errno
import heapq
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

import testnet_dns as dns

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_SLAVE = 4096, 0x4000, 1 << 19
PR_SET_PDEATHSIG = 1
SPACES = ("host", "internet", "lan", "vpn")

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def unshare(flags: int) -> None:
    check(libc.unshare(flags))


def setns(fd: int) -> None:
    check(libc.setns(fd, 0))


def mount(source: str, target: str, flags: int, kind: str | None = None, data: str | None = None) -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind)]
    check(libc.mount(*texts, ctypes.c_ulong(flags), data.encode() if data else None))


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


# --- what is in it ---------------------------------------------------------------------------------------------------

# Everything that an "internet" could answer for. Each server there answers for all of these addresses, so that a
# packet which should not have left the box comes to somebody who says so.
SPECIAL4 = ("10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 168.63.129.16/32 192.0.0.0/24 192.31.196.0/24 "
            "192.52.193.0/24 192.175.48.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 "
            "203.0.113.0/24 240.0.0.0/4").split()
SPECIAL6 = ("64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 "
            "fec0::/10 4000::/3").split()
PUBLIC = ["45.70.0.0/16", "45.90.0.0/16", "45.91.0.0/16", "2a0e:1111:70::/48", "2a0e:1111:100::/48", "2a0e:1111:101::/48"]

LOCAL = {
    "internet": [*SPECIAL4, *SPECIAL6, *PUBLIC],
    "lan": ["192.168.77.16/28", "192.168.77.64/26", "192.168.77.128/25", "172.17.0.2/31", "172.17.128.0/17",
            "45.91.0.0/16", "169.254.0.0/16"],
    "vpn": [*PUBLIC, "100.100.0.0/16", "10.66.0.0/16", "fd7a:115c:a1e0::53/128"],
}

# Name of the host's end, namespace of the other end, addresses here and there.
LINKS = [
    ("pub0", "internet", ["45.80.10.10/24", "2a0e:1111:10::10/64"],
     ["45.80.10.1/24", "45.80.10.77/24", "2a0e:1111:10::1/64", "2a0e:1111:10::77/64"]),
    ("lan0", "lan", ["192.168.77.10/24", "2001:db8:77::10/64"],
     ["192.168.77.1/24", "2001:db8:77::1/64", "2001:db8:77::20/64"]),
    ("docker0", "lan", ["172.17.0.1/16"], []),
    ("vpn0", "vpn", [], []),
]

# The tunnel is a device without neighbours, as tunnels are: both ends have one address, so that nobody has to ask.
VPN_MAC = "02:00:00:00:77:01"
BACK = {
    "lan": ["route add default via 192.168.77.10", "route add default via 2001:db8:77::10"],
    "vpn": ["route add 0.0.0.0/0 dev vpn0p", "route add ::/0 dev vpn0p"],
}

HOST_PORTS = [("0.0.0.0", 80), ("::", 80), ("127.0.0.1", 8080), ("::1", 8080)]
NAME_SERVERS = {
    "host": ["127.0.0.53", "127.0.0.1"],
    "internet": ["45.90.53.53", "45.90.53.54", "2a0e:1111:100::53"],
    "lan": ["192.168.77.1", "2001:db8:77::1"],
    "vpn": [dns.VPN_SERVER],
}
DEAD_NAME_SERVER = "45.90.53.99"  # hears everything and says nothing


def ip_batch(lines: list[str]) -> None:
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, capture_output=True)
    if done.returncode:
        raise OSError(f"ip -batch: {done.stderr.strip()}")


def quick_ipv6() -> None:
    """No duplicate address detection: addresses are there at once."""
    for which in ("default", "all"):
        write(f"/proc/sys/net/ipv6/conf/{which}/accept_dad", "0")


def ping_for_everyone() -> None:
    # The numbers are read in the writer's user namespace, where an ordinary user is 0 and there is nobody else.
    top = 0 if os.environ.get("TESTNET_ORDINARY") else 2147483647
    write("/proc/sys/net/ipv4/ping_group_range", f"0 {top}")


class Namespaces:
    """Their descriptors, by name; "user" is there for an ordinary user only, "mount" for the host."""

    def __init__(self, directory: str):
        self.fds: dict[str, int] = {}
        if os.getuid() != 0:
            os.environ["TESTNET_ORDINARY"] = "1"
            uid, gid = os.getuid(), os.getgid()
            unshare(CLONE_NEWUSER)
            write("/proc/self/setgroups", "deny")
            write("/proc/self/uid_map", f"0 {uid} 1")
            write("/proc/self/gid_map", f"0 {gid} 1")
            self.fds["user"] = os.open("/proc/self/ns/user", os.O_RDONLY)
        for name in SPACES:
            unshare(CLONE_NEWNET)
            self.fds[name] = os.open("/proc/self/ns/net", os.O_RDONLY)
            quick_ipv6()
        self.configure()
        self.mounts(directory)

    def enter(self, name: str) -> None:
        setns(self.fds[name])

    def configure(self) -> None:
        self.enter("host")
        ping_for_everyone()
        lines = ["link set lo up"]
        for name, peer, here, _ in LINKS:
            mac = f"address {VPN_MAC}" if name == "vpn0" else ""
            other = f"netns /proc/{os.getpid()}/fd/{self.fds[peer]}"
            lines.append(f"link add {name} {mac} type veth peer name {name}p {mac} {other}")
            lines += self.addresses(name, here)
            lines.append(f"link set {name} {'arp off' if mac else ''} up")
        lines += ["route add default via 45.80.10.1 dev pub0", "route add default via 2a0e:1111:10::1 dev pub0"]
        ip_batch(lines)
        for space in SPACES[1:]:
            self.enter(space)
            lines = ["link set lo up"]
            for name, peer, _, there in LINKS:
                if peer == space:
                    lines.append(f"link set {name}p {'arp off' if name == 'vpn0' else ''} up")
                    lines += self.addresses(f"{name}p", there)
            lines += [f"route add local {prefix} dev lo" for prefix in LOCAL[space]]
            ip_batch(lines + BACK.get(space, []))

    @staticmethod
    def addresses(device: str, texts: list[str]) -> list[str]:
        return [f"addr add {text} dev {device} {'nodad' if ':' in text else ''}" for text in texts]

    def mounts(self, directory: str) -> None:
        """/etc of the host is a layer over the real one, so that resolv.conf can be written and replaced."""
        unshare(CLONE_NEWNS)
        mount("none", "/", MS_REC | MS_SLAVE)
        for name in ("upper", "work"):
            os.makedirs(f"{directory}/{name}")
        # There from the start: the real one is root's, and an ordinary user could not write through the layer.
        write(f"{directory}/upper/resolv.conf", "")
        mount("overlay", "/etc", 0, "overlay", f"lowerdir=/etc,upperdir={directory}/upper,workdir={directory}/work,userxattr")
        self.fds["mount"] = os.open("/proc/self/ns/mnt", os.O_RDONLY)


# --- servers -----------------------------------------------------------------------------------------------------------


def is_public(space: str, address: str) -> bool:
    return space in ("internet", "vpn") and address.startswith(("45.70.", "45.90.", "45.91.", "2a0e:1111:70:",
                                                               "2a0e:1111:100:", "2a0e:1111:101:"))


class Loop:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.timers: list = []
        self.count = 0

    def on(self, sock, callback) -> None:
        self.selector.register(sock, selectors.EVENT_READ, callback)

    def off(self, sock) -> None:
        self.selector.unregister(sock)

    def after(self, seconds: float, callback) -> None:
        self.count += 1
        heapq.heappush(self.timers, (time.monotonic() + seconds, self.count, callback))

    def run(self) -> None:
        while True:
            wait = max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else None
            for key, _ in self.selector.select(wait):
                try:
                    key.data()
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.ECONNRESET, errno.EPIPE, errno.ENETUNREACH,
                                           errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ECONNABORTED, errno.ENOTCONN,
                                           errno.EPERM, errno.EINVAL, errno.EMSGSIZE):
                        raise
            while self.timers and self.timers[0][0] <= time.monotonic():
                heapq.heappop(self.timers)[2]()


class World:
    def __init__(self, spaces: Namespaces, control: socket.socket):
        self.loop = Loop()
        self.control = control
        self.contacts: list[list] = []  # space, protocol, address, port, whose
        self.queries: list[list] = []  # server, protocol, name, type
        for space in SPACES:
            spaces.enter(space)
            self.serve(space)
        spaces.enter("host")
        self.witness = Witness()
        self.loop.on(self.witness.socket, self.witness.read)
        self.loop.on(control, self.command)

    # A server that is addressed by its wildcard says by which address it was met.

    def serve(self, space: str) -> None:
        everywhere = [(address, port) for address in ("0.0.0.0", "::") for port in (7, 9, 80, 443)]
        for address, port in HOST_PORTS if space == "host" else everywhere:
            self.tcp(space, address, port, {7: self.echo, 9: self.discard}.get(port, self.http))
            self.udp(space, address, port, self.say if port != 9 else self.discard)
        if space == "host":
            for address in ("0.0.0.0", "::"):
                self.tcp(space, address, 7, self.echo)
                self.udp(space, address, 7, self.say)
        for address in NAME_SERVERS[space]:
            self.tcp(space, address, 53, self.name_client)
            self.udp(space, address, 53, self.name_query)
        if space == "internet":
            self.udp(space, DEAD_NAME_SERVER, 53, lambda *_: None)

    @staticmethod
    def open(address: str, kind: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            made.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        made.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        return made

    def tcp(self, space: str, address: str, port: int, handler) -> None:
        listener = self.open(address, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # a test may listen on one of these addresses
        listener.setsockopt(socket.IPPROTO_TCP, 23, 16)  # TCP_FASTOPEN
        listener.bind((address, port))
        listener.listen(256)

        def accept() -> None:
            client, peer = listener.accept()
            client.setblocking(False)
            self.contacts.append([space, "tcp", client.getsockname()[0], port, peer[0]])
            self.loop.on(client, lambda: self.receive(handler, space, client))

        self.loop.on(listener, accept)

    def receive(self, handler, space: str, client: socket.socket) -> None:
        try:
            data = client.recv(65536)
            if data and handler(space, client, data):
                return
        except OSError:
            pass
        self.loop.off(client)
        client.close()

    def who(self, space: str, address: str) -> str:
        return f"{'PUBLIC' if is_public(space, address) else 'LEAK'} {space} {address}"

    def http(self, space: str, client: socket.socket, data: bytes) -> bool:
        body = f"{self.who(space, client.getsockname()[0])}\n".encode()
        client.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        return False

    @staticmethod
    def echo(space: str, client: socket.socket, data: bytes) -> bool:
        client.send(data)
        return True

    @staticmethod
    def discard(*_) -> bool:
        return True

    def udp(self, space: str, address: str, port: int, handler) -> None:
        sock = self.open(address, socket.SOCK_DGRAM)
        sock.bind((address, port))

        def read() -> None:
            data, control, _, peer = sock.recvmsg(65536, 512)
            level, kind, info = control[0]
            if sock.family == socket.AF_INET6:
                here, reply_info = socket.inet_ntop(socket.AF_INET6, info[:16]), info[:16] + bytes(4)
            else:
                here, reply_info = socket.inet_ntoa(info[8:12]), bytes(4) + info[8:12] + bytes(4)
            self.contacts.append([space, "udp", here, port, peer[0]])

            def answer(text: bytes) -> None:
                sock.sendmsg([text], [(level, kind, reply_info)], 0, peer)

            handler(space, here, data, answer)

        self.loop.on(sock, read)

    def say(self, space: str, here: str, data: bytes, answer) -> None:
        answer(f"{self.who(space, here)} {len(data)} ".encode() + data[:1000])

    def name_query(self, space: str, here: str, data: bytes, answer) -> None:
        try:
            name, kind, reply = dns.reply(data, here, tcp=False)
        except (ValueError, IndexError, struct.error):
            return
        self.queries.append([here, "udp", name, kind])

        def send() -> None:
            for packet in reply.packets:
                try:
                    answer(packet)
                except OSError:
                    pass

        self.loop.after(reply.delay, send) if reply.delay else send()

    def name_client(self, space: str, client: socket.socket, data: bytes) -> bool:
        while len(data) > 2:
            (length,) = struct.unpack_from(">H", data)
            packet, data = data[2:2 + length], data[2 + length:]
            here = client.getsockname()[0]
            try:
                name, kind, reply = dns.reply(packet, here, tcp=True)
            except (ValueError, IndexError, struct.error):
                return False
            self.queries.append([here, "tcp", name, kind])
            for answer in reply.packets:
                client.send(struct.pack(">H", len(answer)) + answer)
        return True

    # --- the test's questions

    def command(self) -> None:
        line = self.control.recv(65536)
        if not line:
            sys.exit(0)
        what = line.decode()
        self.loop.after(0.002, lambda: self.answer(what))  # what is under way gets in first

    def answer(self, what: str) -> None:
        if what == "packets":
            self.witness.read()
            given, self.witness.seen = sorted(map(list, self.witness.seen)), set()
        elif what == "contacts":
            given, self.contacts = self.contacts, []
        elif what == "queries":
            given, self.queries = self.queries, []
        else:
            given = []
        data = json.dumps(given).encode()
        self.control.setblocking(True)
        self.control.sendall(struct.pack(">I", len(data)) + data)


class Witness:
    """Every destination to which the host sent a packet, through any interface and to itself: TCP by its SYN."""

    def __init__(self):
        self.seen: set[tuple[str, str, int]] = set()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(3))  # ETH_P_ALL
        self.filter()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)

    def filter(self) -> None:
        """TCP without SYN, or with ACK, is left out, so that a bulk transfer costs nothing."""
        program = [
            (0x28, 0, 0, 0xFFFFF000),  # the protocol of the frame
            (0x15, 0, 6, 0x0800),
            (0x30, 0, 0, 9),
            (0x15, 0, 10, 6),
            (0xB1, 0, 0, 0),  # where the header of TCP begins
            (0x50, 0, 0, 13),
            (0x54, 0, 0, 0x12),
            (0x15, 6, 7, 2),
            (0x15, 0, 6, 0x86DD),
            (0x30, 0, 0, 6),
            (0x15, 0, 3, 6),
            (0x30, 0, 0, 53),
            (0x54, 0, 0, 0x12),
            (0x15, 0, 1, 2),
            (0x06, 0, 0, 0xFFFF),
            (0x06, 0, 0, 0),
        ]
        code = b"".join(struct.pack("HBBI", *each) for each in program)
        buffer = ctypes.create_string_buffer(code)
        fprog = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
        self.socket.setsockopt(socket.SOL_SOCKET, 26, fprog)  # SO_ATTACH_FILTER

    def read(self) -> None:
        try:
            while True:
                packet, (_, protocol, kind, *_rest) = self.socket.recvfrom(2048)
                if kind == 4:  # PACKET_OUTGOING
                    self.note(packet, protocol)
        except BlockingIOError:
            pass

    def note(self, packet: bytes, protocol: int) -> None:
        if protocol == 0x0800 and len(packet) >= 20:
            number, destination, head = packet[9], socket.inet_ntoa(packet[16:20]), (packet[0] & 15) * 4
        elif protocol == 0x86DD and len(packet) >= 40:
            number, destination, head = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), 40
        else:
            return
        if number in (6, 17) and len(packet) >= head + 4:
            self.seen.add(("tcp" if number == 6 else "udp", destination, struct.unpack_from(">H", packet, head + 2)[0]))
        elif (number == 58 and len(packet) > 40 and packet[40] >= 133) or (number == 0 and destination == "ff02::16"):
            pass  # the host's own neighbour discovery and multicast listener reports
        else:
            self.seen.add((f"ip {number}", destination, 0))


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    spaces = Namespaces(sys.argv[2])
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    world = World(spaces, control)
    names = list(spaces.fds)
    socket.send_fds(control, [json.dumps(names).encode()], [spaces.fds[name] for name in names])
    world.loop.run()


if __name__ == "__main__":
    main()
