"""Runs in a box. Reads a list of attempts (JSON, standard input), makes each, prints what came of each (JSON).

An attempt is [how, address, port, options]; its result is {"errno": name or null, "ms": time, "data": what was read}.
"""

import errno
import json
import os
import socket
import struct
import sys
import time

DEVICE = "tun0"
IP_UNICAST_IF, IPV6_UNICAST_IF, IP_OPTIONS, IPV6_RTHDR = 50, 76, 4, 57
INDEX = socket.if_nametoindex(DEVICE) if os.path.exists(f"/sys/class/net/{DEVICE}") else 2


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def chosen_interface(sock, how):
    """The ways in which an unprivileged process picks the interface of a socket."""
    v6 = sock.family == socket.AF_INET6
    if how == "bindtodevice":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, DEVICE.encode())
    elif how == "unicast_if" and v6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_UNICAST_IF, struct.pack("!I", INDEX))
    elif how == "unicast_if":
        sock.setsockopt(socket.IPPROTO_IP, IP_UNICAST_IF, struct.pack("!I", INDEX))
    elif how == "options" and v6:
        header = struct.pack("BBBBI", 0, 2, 0, 1, 0) + socket.inet_pton(socket.AF_INET6, "2a0e:1111:100::80")
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RTHDR, header)
    elif how == "options":
        sock.setsockopt(socket.IPPROTO_IP, IP_OPTIONS, bytes([131, 7, 4]) + socket.inet_aton("45.90.80.80") + b"\0")
    elif how == "bound":
        sock.bind(("fd00::100" if v6 else "198.51.100.100", 0))


def limit_time(sock, seconds):
    """The socket stays a blocking one. Under load, where an ICMP error comes at once, Linux now and then shows POLLERR to a
    non-blocking connect while SO_ERROR is still 0, and the interpreter takes that for a connection."""
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, limit)


def tcp(sock, address, port, options):
    if options.get("fastopen"):
        sock.sendto(b"GET / HTTP/1.0\r\n\r\n", 0x20000000, (address, port))
    else:
        sock.connect((address, port) if "scope" not in options else (address, port, 0, INDEX))
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    return sock.recv(4096)


def udp(sock, address, port, options):
    if options.get("pktinfo") and sock.family == socket.AF_INET6:
        control = [(socket.IPPROTO_IPV6, 50, bytes(16) + struct.pack("I", INDEX))]
        sock.sendmsg([b"hello"], control, 0, (address, port))
    elif options.get("pktinfo"):
        sock.sendmsg([b"hello"], [(socket.IPPROTO_IP, 8, struct.pack("I", INDEX) + bytes(8))], 0, (address, port))
    else:
        sock.connect((address, port))
        sock.send(b"hello")
    return sock.recv(4096)


def ping(sock, address, port, options):
    echo = b"\x80" if sock.family == socket.AF_INET6 else b"\x08"
    sock.sendto(echo + b"\0\0\0\0\0\0\1hello", (address, 0))
    return sock.recv(4096)


def attempt(how, address, port, options):
    kind = {"tcp": socket.SOCK_STREAM}.get(how, socket.SOCK_DGRAM)
    protocol = 0
    if how == "ping":
        protocol = socket.IPPROTO_ICMPV6 if ":" in address else socket.IPPROTO_ICMP
    if options.get("resolve"):
        address = socket.getaddrinfo(address, port, type=kind)[0][4][0]
    with socket.socket(family(address), kind, protocol) as sock:
        limit_time(sock, options.get("timeout", 3))
        chosen_interface(sock, options.get("via"))
        if options.get("broadcast"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        return {"tcp": tcp, "udp": udp, "ping": ping}[how](sock, address, port, options)


def main():
    results = []
    for how, address, port, options in json.load(sys.stdin):
        start = time.monotonic()
        name, data = None, b""
        try:
            data = attempt(how, address, port, options)
        except socket.gaierror as error:
            name = f"gai {error.errno}"
        except (BlockingIOError, TimeoutError):
            name = "timeout"
        except OSError as error:
            name = errno.errorcode.get(error.errno, str(error))
        results.append({"errno": name, "ms": (time.monotonic() - start) * 1000, "data": data.decode("latin-1")})
    json.dump(results, sys.stdout)


main()
