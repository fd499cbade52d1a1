"""Runs anywhere. Connects, sends and receives through io_uring alone, by raw system calls; prints what came of it.

  uring_probe.py ADDRESS PORT [socket]      with "socket" the socket itself is made by the ring (IORING_OP_SOCKET)

Prints "setup ENOSYS" where there is no ring, "connect EHOSTUNREACH" where one of its operations fails, else the answer.
"""

import ctypes
import errno
import mmap
import socket
import struct
import sys

SETUP, ENTER = 425, 426  # the same on every architecture
OP_CONNECT, OP_SEND, OP_RECV, OP_SOCKET = 16, 26, 27, 45
GETEVENTS = 1
OFF_SQ_RING, OFF_CQ_RING, OFF_SQES = 0, 0x8000000, 0x10000000
ENTRIES = 4

libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    pass


class Ring:
    def __init__(self):
        params = ctypes.create_string_buffer(120)
        self.fd = libc.syscall(SETUP, ENTRIES, params)
        if self.fd < 0:
            raise Refused(f"setup {errno.errorcode[ctypes.get_errno()]}")
        sq_entries, cq_entries = struct.unpack_from("II", params, 0)
        sq, cq = struct.unpack_from("8I", params, 40), struct.unpack_from("8I", params, 80)
        self.sq_tail, self.sq_array = sq[1], sq[6]
        self.cq_head, self.cq_tail, self.cqes = cq[0], cq[1], cq[5]
        self.sq_ring = mmap.mmap(self.fd, self.sq_array + 4 * sq_entries, offset=OFF_SQ_RING)
        self.cq_ring = mmap.mmap(self.fd, self.cqes + 16 * cq_entries, offset=OFF_CQ_RING)
        self.entries = mmap.mmap(self.fd, 64 * sq_entries, offset=OFF_SQES)
        self.mask = sq_entries - 1
        self.kept = []  # memory that the kernel is told of

    def do(self, name: str, operation: int, fd: int, address: int = 0, length: int = 0, offset: int = 0) -> int:
        """One operation, to its end."""
        (tail,) = struct.unpack_from("I", self.sq_ring, self.sq_tail)
        self.entries[64 * (tail & self.mask):64 * (tail & self.mask) + 64] = struct.pack(
            "BBHiQQII32x", operation, 0, 0, fd, offset, address, length, 0)
        struct.pack_into("I", self.sq_ring, self.sq_array + 4 * (tail & self.mask), tail & self.mask)
        struct.pack_into("I", self.sq_ring, self.sq_tail, tail + 1)
        if libc.syscall(ENTER, self.fd, 1, 1, GETEVENTS, None, 0) < 0:
            raise Refused(f"enter {errno.errorcode[ctypes.get_errno()]}")
        (head,) = struct.unpack_from("I", self.cq_ring, self.cq_head)
        result = struct.unpack_from("i", self.cq_ring, self.cqes + 16 * (head & (2 * ENTRIES - 1)) + 8)[0]
        struct.pack_into("I", self.cq_ring, self.cq_head, head + 1)
        if result < 0:
            raise Refused(f"{name} {errno.errorcode[-result]}")
        return result

    def memory(self, data: bytes) -> int:
        self.kept.append(ctypes.create_string_buffer(data, len(data)))
        return ctypes.addressof(self.kept[-1])


def main() -> None:
    text, port, by_ring = sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["socket"]
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    packed = socket.inet_pton(family, text)
    where = struct.pack("=H", family) + struct.pack("!H", port) + (packed + bytes(8) if family == socket.AF_INET else
                                                                  bytes(4) + packed + bytes(4))
    try:
        ring = Ring()
        if by_ring:
            fd = ring.do("socket", OP_SOCKET, family, offset=socket.SOCK_STREAM)
        else:
            fd = socket.socket(family, socket.SOCK_STREAM).detach()
        ring.do("connect", OP_CONNECT, fd, ring.memory(where), offset=len(where))
        request = b"GET / HTTP/1.0\r\n\r\n"
        ring.do("send", OP_SEND, fd, ring.memory(request), len(request))
        answer = ring.memory(bytes(4096))
        got = ring.do("recv", OP_RECV, fd, answer, 4096)
        print(ctypes.string_at(answer, got).decode().splitlines()[-1])
    except Refused as refused:
        print(refused)


main()
