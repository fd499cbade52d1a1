"""A host in the test network whose user is logged in, with the real client and the double of its API."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import ssl
import subprocess
import time

import pytest

from api_double import ApiDouble
from login_double import Pair, Tokens, credential
from network_client import authority  # noqa: F401
from network_host import net, where  # noqa: F401
from testnet_dns import API4, API6

# Printed by a box for as long as it lives: the access token that it has, whenever that is another.
WATCH = """
import json, os, sys, time
path = os.environ["CLAUDE_SECURESTORAGE_CONFIG_DIR"] + "/.credentials.json"
print("ready", flush=True)
before = None
while True:
    text = open(path).read()
    now = json.loads(text)["claudeAiOauth"]["accessToken"]
    if now != before: print(now, "refresh" in text.lower(), flush=True)
    before = now
    time.sleep(0.02)
"""


def wait_until(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


class LoginHost:
    """`where` is the host, `tokens` and `api` the servers."""

    def __init__(self, where, program: str, api: ApiDouble, tokens: Tokens, certificate: pathlib.Path):
        self.where, self.host, self.api, self.tokens = where, where.host, api, tokens
        (self.host.home / ".local/bin/claude").symlink_to(program)
        trusted = self.host.project / "authority.pem"
        shutil.copy(certificate, trusted)
        self.host.env["NODE_EXTRA_CA_CERTS"] = str(trusted)
        self.directory = self.host.home / ".claude"
        self.file = self.directory / ".credentials.json"

    def log_in(self, left: float = 8 * 3600, **more) -> Pair:
        """On the host, as the client does: a new file takes the old one's place."""
        pair = self.tokens.log_in()
        self.write(credential(pair, left, **more))
        return pair

    def write(self, text: str) -> None:
        self.directory.mkdir(exist_ok=True)
        new = self.directory / ".credentials.json.tmp"
        new.write_text(text)
        new.chmod(0o600)
        new.rename(self.file)

    def login(self) -> dict:
        return json.loads(self.file.read_text())["claudeAiOauth"]

    def claude(self, *arguments: str, options: tuple[str, ...] = (), network: str = "internet",
               timeout: float = 120) -> subprocess.CompletedProcess:
        """The client in a box."""
        return self.where.claudebox("--yes", "--network", network, *options, "--", *arguments, timeout=timeout)

    def host_claude(self, *arguments: str, home: pathlib.Path | None = None,
                    timeout: float = 120) -> subprocess.CompletedProcess:
        """The client on the host itself."""
        return subprocess.run([self.host.home / ".local/bin/claude", *arguments], cwd=self.host.project,
                              env=dict(self.host.env, **({"HOME": str(home)} if home else {})),
                              preexec_fn=self.where.enter, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout)

    def can_ask(self) -> bool:
        """Whether the host's own client is logged in."""
        return self.host_claude("-p", "hi").returncode == 0

    def box(self, script: str = WATCH, *options: str, network: str = "internet", **more) -> subprocess.Popen:
        """A box that has said that it is ready."""
        made = self.where.popen("/usr/bin/python3", "-u", "-c", script, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, network=network, options=options, **more)
        assert made.stdout.readline() == "ready\n", made.communicate()[1]
        return made

    def said_in_the_log(self) -> str:
        return "\n".join(event["reason"] for event in self.where.log()["events"] if event["kind"] == "incident")

    def holds_a_token(self, *, root: pathlib.Path | None = None) -> list[str]:
        """Files below the state directory (or `root`) that hold any token of the server."""
        words = [word.encode() for word in ("fake-access-", "fake-refresh-", "fake-mcp-token")]
        found = []
        for directory, _, names in os.walk(root or self.host.home / ".claudebox"):
            for name in names:
                path = pathlib.Path(directory, name)
                if path.is_file() and not path.is_symlink() and any(word in path.read_bytes() for word in words):
                    found.append(str(path))
        return found


@pytest.fixture
def tokens():
    return Tokens()


@pytest.fixture
def logins(where, net, authority, claude_program, tokens):  # noqa: F811
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority)
    double = ApiDouble(listeners=[net.listen("internet", address, 443) for address in (API4, API6)], tls=context,
                       routes=tokens.routes, authorized=tokens.authorized)
    double.start()
    yield LoginHost(where, claude_program, double, tokens, authority[0])
    double.stop()
