"""What an attacker in the box would like to have, planted on a test's host, and the probe that looks for it.

The probe (src/selftest/probe) is the one that `claudebox selftest` carries. Here it gets its facts from the tests, so
that they are all there, and it is also run without a box: an attempt that fails there too would prove nothing.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

TIMEOUT = 60.0


def probe_program(binary: str) -> pathlib.Path:
    probe = pathlib.Path(binary).parent / "tests/probes/claudebox_probe"
    assert os.access(probe, os.X_OK), f"no probe at {probe}: build the target claudebox_probe"
    return probe


def identity(key: str, path) -> str:
    info = os.stat(path)
    return f"{key}={info.st_dev}:{info.st_ino}:{path}"


def process_facts(pid: int) -> list[str]:
    """A process and its ancestors."""
    facts = []
    while pid > 0:
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        name, fields = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        facts += [f"process={fields[19]}:{name}", f"pid={pid}"]
        pid = int(fields[1])
    return facts


class Prey:
    """Plants everything on `host`. close() takes the listeners away."""

    def __init__(self, host):
        self.host = host
        self.words = host.plant_secrets()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cbx-prey-"))
        self.probe = self.directory / "probe"
        shutil.copy(probe_program(host.binary), self.probe)
        self.listeners = []
        self.abstract = f"claudebox-test-{os.urandom(8).hex()}"
        self._listen(socket.AF_UNIX, "\0" + self.abstract)
        self._listen(socket.AF_UNIX, str(self.directory / "agent.sock"))
        self.ports = [self._listen(socket.AF_INET, ("127.0.0.1", 0))]
        try:
            self.ports.append(self._listen(socket.AF_INET6, ("::1", 0)))
        except OSError:
            pass  # a host without IPv6
        host.env["SSH_AUTH_SOCK"] = str(self.directory / "agent.sock")

    def _listen(self, family: int, address):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.bind(address)
        listener.listen(4)
        listener.setblocking(False)
        self.listeners.append(listener)
        return listener.getsockname()[1] if family != socket.AF_UNIX else None

    def visitors(self) -> int:
        """How many connections have arrived since the last call."""
        count = 0
        for listener in self.listeners:
            try:
                while True:
                    listener.accept()[0].close()
                    count += 1
            except BlockingIOError:
                pass
        return count

    def facts(self, network: str) -> list[str]:
        home, project = self.host.home, self.host.project
        facts = [identity("secret", home / name) for name in (".ssh", ".ssh/id_ed25519", ".aws/credentials", ".netrc")]
        facts += [identity("home", home / ".gitconfig"), identity("beside", home / "other-project")]
        facts += [identity("system", path) for path in
                  ("/", "/etc", "/etc/shadow", "/root", "/home", "/run", "/tmp", "/var", "/dev", "/proc", "/sys",
                   self.directory) if os.path.exists(path)]
        facts += [identity("socket", self.directory / "agent.sock")]
        facts += [f"variable={name}" for name in ("SECRET_FOR_TESTS", "SSH_AUTH_SOCK")]
        facts += process_facts(os.getpid())
        for name in ("user", "pid", "mnt", "ipc", "uts", "cgroup") + (() if network == "full" else ("net",)):
            facts.append("namespace=" + os.readlink(f"/proc/self/ns/{name}"))
        facts += [f"covered={project}/.git/config", f"covered={project}/.git/hooks", f"pinned={project}/.git"]
        facts += [f"uid={os.getuid()}", f"abstract={self.abstract}"]
        if network != "full":
            facts += ["offline=1", *(f"port{version}={port}" for version, port in zip((4, 6), self.ports))]
        return facts

    def read(self, done: subprocess.CompletedProcess) -> dict[str, tuple[str, str]]:
        """The probe's answers: id -> (outcome, detail)."""
        assert done.returncode == 0, done.stderr
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        answers = {line[0]: (line[1], line[2]) for line in lines[:-1]}
        assert lines[-1][:2] == ["end", str(len(answers))]
        return answers

    def in_box(self, network: str, *more: str, options: tuple[str, ...] = ()) -> dict[str, tuple[str, str]]:
        options = ("--mount", f"{self.probe}:/opt/probe:ro", *options)
        return self.read(self.host.run("/opt/probe", *self.facts(network), *more, network=network, options=options))

    def without_box(self, network: str) -> dict[str, tuple[str, str]]:
        """The same attempts by an ordinary process of this host; only the mounts are its own, as root."""
        command = [str(self.probe), *self.facts(network)]
        if os.getuid() == 0:
            command = ["unshare", "--mount", "--propagation", "private", *command]
        with open(self.host.home / ".netrc") as leaked:
            return self.read(subprocess.run(command, cwd=self.host.project, env=self.host.env, capture_output=True,
                                            text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
                                            pass_fds=(leaked.fileno(),)))

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()
        shutil.rmtree(self.directory, ignore_errors=True)
