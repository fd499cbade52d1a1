"""The real Claude Code client on a host in the test network. The API that it talks to stands on the test internet, under
its own names, with a certificate of an authority that the client is told of."""

from __future__ import annotations

import pathlib
import shutil
import ssl
import subprocess

import pytest

from api_double import ApiDouble
from conftest import need
from testnet_dns import API4, API6

NAMES = ("api.anthropic.com", "platform.claude.com", "downloads.claude.ai")
KEY = "sk-ant-fake-obviously-not-a-key-0123456789abcdef"


def make_authority(directory: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate for the API's names, which is its own authority, and its key."""
    certificate, key = directory / "authority.pem", directory / "key.pem"
    subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=fake API of the tests", "-keyout", key, "-out", certificate,
                    "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in NAMES)],
                   check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> tuple[pathlib.Path, pathlib.Path]:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def public_api(net, authority):
    """The double of the API, at public addresses of the test internet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority)
    double = ApiDouble(listeners=[net.listen("internet", address, 443) for address in (API4, API6)], tls=context)
    double.start()
    yield double
    double.stop()


class NetworkClient:
    """claudebox with the client, on the host of `where`. `api` is what it finds on the internet."""

    def __init__(self, where, program: str, api: ApiDouble, certificate: pathlib.Path):
        self.where, self.host, self.api = where, where.host, api
        (self.host.home / ".local/bin/claude").symlink_to(program)
        trusted = self.host.project / "authority.pem"
        shutil.copy(certificate, trusted)
        self.options = ("--env", f"ANTHROPIC_API_KEY={KEY}", "--env", f"NODE_EXTRA_CA_CERTS={trusted}")

    def __call__(self, *arguments: str, network: str, options: tuple[str, ...] = (),
                 timeout: float = 120) -> subprocess.CompletedProcess:
        return self.where.claudebox("--yes", "--network", network, *self.options, *options, "--", *arguments,
                                    timeout=timeout)


@pytest.fixture
def client(where, claude_program, public_api, authority):
    return NetworkClient(where, claude_program, public_api, authority[0])
