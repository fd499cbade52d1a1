"""The same table of leaks for every tool: a program inside tries to reach what is outside, on a host with fake keys in a
home made for it, in the test network of tests/e2e/testnet.py. A read counts when the real content came back, a write when
the host's file has changed, a connection when the real server has answered."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import pty
import pwd
import secrets
import select
import shutil
import signal
import subprocess
import sys
import termios
import tty

from host import Host
from network import LAN4, TestNet
from payload import Payload, wait_until
from testnet import HOST4, METADATA4, PUBLIC4
from tools import Tool

HERE = pathlib.Path(__file__).resolve().parent
WANTED = ("write the project", "TCP to a public address")  # no leak: what a tool is there for
SURVIVES = "the command outlives kill -9 of the tool"
TYPES = "type into the terminal (TIOCSTI)"
SERVER = """
import socket, sys, threading
for path in sys.argv[2:]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\\0" + path[1:] if path.startswith("@") else path)
    listener.listen()
    def serve(listener=listener):
        while True:
            with listener.accept()[0] as client:
                client.sendall(sys.argv[1].encode())
    threading.Thread(target=serve).start()
print("ready", flush=True)
"""


class Bait:
    """What there is to be reached; from `with` on."""

    def __init__(self, host: Host, net: TestNet):
        self.host, self.net = host, net
        self.canary = f"canary-{secrets.token_hex(8)}"
        home, project = host.home, host.project
        self.outside_tmp = pathlib.Path(f"/tmp/claudebox-bench-{self.canary}")
        self.reads = {"read ~/.ssh/id_ed25519": home / ".ssh/id_ed25519", "read ~/.aws/credentials": home / ".aws/credentials",
                      "read another project": home / "neighbour/notes.txt"}
        self.writes = {"write the project": project / "new.txt", "write .git/hooks/post-commit": project / ".git/hooks/post-commit",
                       "write .git/config": project / ".git/config", "write ~/.bashrc": home / ".bashrc",
                       "write the host's /tmp": self.outside_tmp}
        self.abstract, self.socket = f"@{self.canary}", str(home / "agent.sock")
        self.before: dict[pathlib.Path, str | None] = {}

    def __enter__(self) -> "Bait":
        for path in self.reads.values():
            path.parent.mkdir(exist_ok=True)
            path.write_text(self.canary)
        (self.host.home / ".bashrc").write_text("# mine\n")
        self.before = {path: path.read_text() if path.exists() else None for path in self.writes.values()}
        shutil.copy(HERE / "leak_probe.py", self.host.project / "probe.py")
        (self.host.project / "probe.json").write_text(json.dumps(self.tries()))
        self.host.own(self.host.home)
        talking = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
        # Its words are what a look at the host's processes finds.
        self.server = self.net.popen("host", sys.executable, "-S", "-c", SERVER, self.canary, self.abstract, self.socket, **talking)
        if self.server.stdout.readline() != "ready\n":
            sys.exit("bench: the server of the leaks did not start")
        os.chmod(self.socket, 0o666)
        return self

    def tries(self) -> dict[str, list]:
        tries: dict[str, list] = {row: ["read", [str(path)]] for row, path in self.reads.items()}
        tries["see a token in the environment"] = ["variable", ["FAKE_SECRET_TOKEN"]]
        tries["see processes of the host"] = ["processes", []]
        tries |= {row: ["write", [str(path), self.canary]] for row, path in self.writes.items()}
        tries |= {"TCP to a public address": ["tcp", [PUBLIC4, 80]], "TCP to the host's 127.0.0.1": ["tcp", ["127.0.0.1", 8080]],
                  "TCP to the host's own address": ["tcp", [HOST4, 80]], "TCP to the local network": ["tcp", [LAN4, 80]],
                  "TCP to cloud metadata": ["tcp", [METADATA4, 80]],
                  "abstract socket of the host": ["unix", [self.abstract]], "socket in ~": ["unix", [self.socket]]}
        return {**tries, TYPES: ["type_into_terminal", [self.canary]]}

    def reached(self, row: str, answer: str) -> bool:
        if row in self.writes:
            path = self.writes[row]
            return path.exists() and self.canary in path.read_text()
        return any(sign in answer for sign in (self.canary, "LEAK ", "PUBLIC "))

    def put_back(self) -> None:
        for path, text in self.before.items():
            if text is not None:
                path.write_text(text)
                self.host.own(path)
            else:
                path.unlink(missing_ok=True)

    def __exit__(self, *_) -> None:
        self.server.kill()
        self.server.wait()
        self.put_back()


def look(bait: Bait, tool: Tool) -> dict[str, bool] | str:
    """One row each: has it been reached? Or why there is no answer."""
    host, net = bait.host, bait.net
    case = tool.case(host, ["/usr/bin/python3", str(host.project / "probe.py"), str(host.project / "probe.json")])
    environment = dict(entry.split("=", 1) for entry in case["environment"]) | {"FAKE_SECRET_TOKEN": bait.canary}
    ours, theirs = pty.openpty()
    tty.setraw(theirs)  # what is typed can be read without a newline, and is not echoed
    os.fchown(theirs, pwd.getpwnam(host.user).pw_uid, -1)

    def prepare() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        net.enter("host")

    process = subprocess.Popen([*host.prefix, *case["argv"]], env=environment, cwd=case["directory"], start_new_session=True,
                               preexec_fn=prepare, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    complaint = ""
    try:
        said, complaint = process.communicate(timeout=60)
        typed = os.read(theirs, 4096).decode() if select.select([theirs], [], [], 0.2)[0] else ""
        answers = json.loads(said.strip().splitlines()[-1])
        return {row: bait.canary in typed if row == TYPES else bait.reached(row, answer) for row, answer in answers.items()}
    except (ValueError, IndexError, subprocess.TimeoutExpired):
        process.kill()
        process.wait()
        return f"the probe gave no answer: {(complaint.strip().splitlines() or ['nothing was said'])[-1]}"
    finally:
        bait.put_back()
        os.close(ours)
        os.close(theirs)


def survives(host: Host, tool: Tool) -> bool | None:
    """None: the command never started."""
    with Payload(host, tool) as payload:
        if not payload.started:
            return None
        payload.tool.send_signal(signal.SIGKILL)
        payload.tool.wait()
        return not wait_until(lambda: not payload.sleeping(), 3)


def table(host: Host, net: TestNet, tools: list[Tool]) -> dict[str, dict[str, bool] | str]:
    found: dict[str, dict[str, bool] | str] = {}
    with Bait(host, net) as bait:
        for tool in tools:
            if "user" in net.fds and tool.family in ("firejail", "podman"):
                found[tool.name] = "it needs set-user-ID programs, which an ordinary user's test network has not: as root, --user NAME"
                continue
            found[tool.name] = rows = look(bait, tool)
            if isinstance(rows, dict) and (outlives := survives(host, tool)) is not None:
                rows[SURVIVES] = outlives
    return found
