"""A test network made of namespaces, for a host whose claudebox runs in it. No packet leaves it.

    internet ─── pub0 ─┐
    lan ──────── lan0 ─┤  host   (claudebox runs here, as the user of the tests)
    lan ───── docker0 ─┤
    vpn ──────── vpn0 ─┘  (no address until a test gives it one)

Each server says who it is and how it was met: "PUBLIC internet 45.90.80.80", or "LEAK lan 192.168.77.20" where no box
may get. internet answers for every address of the deny table as well, so that whatever leaves the host finds somebody.
A witness in the host sees every packet that leaves it or goes to itself.

Made by root or by an ordinary user. An ordinary user's network belongs to a user namespace in which the user is root;
claudebox runs in another one below it, where the user is the user again and has no privilege.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import shutil

import testnet_dns as dns

HERE = pathlib.Path(__file__).resolve().parent
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000

PUBLIC4, PUBLIC6 = dns.PUBLIC4, dns.PUBLIC6
OTHER4, OTHER6 = dns.OTHER4, dns.OTHER6
HOST4, HOST6 = "45.80.10.10", "2a0e:1111:10::10"  # of the host, and public by their look
ROUTER4, ROUTER6 = "45.80.10.1", "2a0e:1111:10::1"
NEIGHBOUR4, NEIGHBOUR6 = "45.80.10.77", "2a0e:1111:10::77"  # on link
LAN_HOST4, LAN_HOST6 = "192.168.77.10", "2001:db8:77::10"
LAN4, LAN6 = "192.168.77.20", "2001:db8:77::20"
METADATA4, METADATA6 = "169.254.169.254", "fd00:ec2::254"
NAME_SERVER, NAME_SERVER2, NAME_SERVER6, DEAD_NAME_SERVER = "45.90.53.53", "45.90.53.54", "2a0e:1111:100::53", "45.90.53.99"

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


class TestNet:
    """The network, while it is open. Descriptors of its namespaces are all that keeps it alive."""

    __test__ = False

    def __init__(self):
        # Below the temporary directory itself: pytest's directories are the user's own, and root's others can't enter.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cbx-net-"))
        self.control, theirs = socket.socketpair()
        self.world = subprocess.Popen([sys.executable, "-B", str(HERE / "testnet_world.py"), str(theirs.fileno()),
                                       str(self.directory)], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        self.control.settimeout(20)
        names, fds, _, _ = socket.recv_fds(self.control, 4096, 16)
        if not names:
            self.world.wait(5)
            raise OSError("the test network could not be made; what its process says stands above")
        self.fds = dict(zip(json.loads(names), fds))
        self.resolv_conf(f"nameserver {NAME_SERVER}\n")

    # --- running things in it

    def enter(self, space: str = "host", ordinary: bool = True) -> None:
        """Puts this process (a child before its exec) into a namespace; without `ordinary` as its root."""
        if "user" in self.fds:
            _check(libc.setns(self.fds["user"], CLONE_NEWUSER))
        _check(libc.setns(self.fds[space], 0))
        if space == "host":
            directory = os.getcwd()
            _check(libc.setns(self.fds["mount"], 0))
            os.chdir(directory)
        if "user" in self.fds and ordinary:
            uid, gid = self.uid, self.gid
            _check(libc.unshare(CLONE_NEWUSER))
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{uid} 0 1")
            _write("/proc/self/gid_map", f"{gid} 0 1")

    uid, gid = os.getuid(), os.getgid()

    def popen(self, space: str, *command: str, **options) -> subprocess.Popen:
        """A program in a namespace, as its root. The caller ends it."""
        return subprocess.Popen(command, preexec_fn=lambda: self.enter(space, ordinary=False), **options)

    def listen(self, space: str, address: str, port: int) -> socket.socket:
        """A listening TCP socket in a namespace, for a server in this process. There it goes before the test network's own."""
        ours, theirs = socket.socketpair()
        family = "AF_INET6" if ":" in address else "AF_INET"
        script = (f"import socket; s = socket.socket(socket.{family}); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1);"
                  f"s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.setsockopt(socket.SOL_IP, 15, 1); s.bind(({address!r}, {port})); s.listen(128);"
                  f"socket.send_fds(socket.socket(fileno={theirs.fileno()}), [b'x'], [s.fileno()])")
        with ours, theirs:
            self.run(space, sys.executable, "-S", "-c", script, pass_fds=[theirs.fileno()])
            (fd,) = socket.recv_fds(ours, 1, 1)[1]
        return socket.socket(fileno=fd)

    def run(self, space: str, *command: str, check: bool = True, **options) -> subprocess.CompletedProcess:
        options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(command, preexec_fn=lambda: self.enter(space, ordinary=False), capture_output=True,
                              text=True, timeout=30, **options)
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done

    def ip(self, *commands: str, space: str = "host", check: bool = True) -> None:
        """Commands of ip(8), by one process."""
        text = "".join(f"{command}\n" for command in commands)
        done = subprocess.run(["ip", *([] if check else ["-force"]), "-batch", "-"], input=text, text=True,
                              preexec_fn=lambda: self.enter(space, ordinary=False), capture_output=True, timeout=30)
        assert not check or done.returncode == 0, f"{commands}: {done.stderr}"

    @contextlib.contextmanager
    def changed(self, *commands: str, undo: tuple[str, ...]):
        """The host's network with `commands` of ip(8) done; afterwards those of `undo`."""
        self.ip(*commands)
        try:
            yield
        finally:
            self.ip(*undo, check=False)

    # --- what happened

    def _ask(self, what: str) -> list:
        self.control.sendall(what.encode())
        data = b""
        while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
            got = self.control.recv(1 << 20)
            assert got, "the test network is gone"
            data += got
        return json.loads(data[4:])

    def packets(self) -> set[tuple[str, str, int]]:
        """(protocol, destination, port) of what the host sent since the last call: "tcp", "udp", "ip 1"."""
        return {tuple(each) for each in self._ask("packets")}

    def contacts(self) -> list[tuple[str, str, str, int, str]]:
        """Who was met since the last call: (namespace, protocol, address, port, peer)."""
        return [tuple(each) for each in self._ask("contacts")]

    def queries(self) -> list[tuple[str, str, str, int]]:
        """What name servers were asked since the last call: (server, protocol, name, type)."""
        return [tuple(each) for each in self._ask("queries")]

    def forget(self) -> None:
        for what in ("packets", "contacts", "queries"):
            self._ask(what)

    # --- the host's name servers

    def resolv_conf(self, text: str | None, replace: bool = False) -> None:
        """The host's /etc/resolv.conf; None takes it away. By default written in place, with `replace` renamed over, as
        resolvconf(8) does."""
        script = ("import os, sys; path = '/etc/resolv.conf'\n"
                  "text = sys.stdin.read()\n"
                  "if sys.argv[1] == 'none': os.path.lexists(path) and os.remove(path); sys.exit()\n"
                  "if os.path.islink(path): os.remove(path)\n"
                  "target = path + '.new' if sys.argv[1] == 'replace' else path\n"
                  "open(target, 'w').write(text)\n"
                  "if target != path: os.rename(target, path)\n")
        how = "none" if text is None else "replace" if replace else "write"
        done = subprocess.run([sys.executable, "-S", "-c", script, how], input=text or "", text=True,
                              preexec_fn=lambda: self.enter("host", ordinary=False), capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def name_servers(self, *addresses: str, more: str = ""):
        self.resolv_conf("".join(f"nameserver {address}\n" for address in addresses) + more)
        try:
            yield
        finally:
            self.resolv_conf(f"nameserver {NAME_SERVER}\n")

    def close(self) -> None:
        self.control.close()
        try:
            self.world.wait(5)
        except subprocess.TimeoutExpired:
            self.world.send_signal(signal.SIGKILL)
            self.world.wait()
        for fd in self.fds.values():
            os.close(fd)
        subprocess.run(["rm", "-rf", str(self.directory)], check=False)
