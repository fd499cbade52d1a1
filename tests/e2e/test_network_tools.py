"""The programs that a developer's agent fetches things with, through a box's network, from servers with a certificate
of a local authority: in the tier internet, and in allowlist with the right names (NET-2, NET-3)."""

from __future__ import annotations

import hashlib
import base64
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from conftest import need
from network_host import net, where  # noqa: F401
from testnet import PUBLIC4, PUBLIC6

HERE = pathlib.Path(__file__).resolve().parent
SITE, FILES = "https://public.test:8443", "https://other.test:8443"  # FILES is where the index of SITE says they are

TIERS = {"internet": {"network": "internet"},
         "allowlist": {"network": "allowlist", "options": ("--allow", "public.test", "--allow", "other.test")}}
tiers = pytest.mark.parametrize("tier", TIERS)


def wheel() -> bytes:
    content, info = b"said = 'imported'\n", "hello-1.0.dist-info"
    files = {"hello.py": content, f"{info}/METADATA": b"Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n",
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
                     for name, data in files.items()) + f"{info}/RECORD,,\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in {**files, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, data)
    return made.getvalue()


def npm_package() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, data in {"package/package.json": b'{"name": "hello", "version": "1.0.0", "main": "index.js"}',
                           "package/index.js": b"module.exports = 'required';\n"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def fill(root: pathlib.Path) -> None:
    def put(path: str, data: bytes) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)

    put("page", b"fetched\n")
    put("big", b"0123456789abcdef" * (1 << 20))
    name = "hello-1.0-py3-none-any.whl"
    put(f"files/{name}", wheel())
    put("simple/hello/index.html", f'<a href="{FILES}/files/{name}">{name}</a>\n'.encode())
    package = npm_package()
    put("files/hello-1.0.0.tgz", package)
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    version = {"name": "hello", "version": "1.0.0", "dist": {"tarball": f"{FILES}/files/hello-1.0.0.tgz", "integrity": integrity}}
    put("hello", json.dumps({"name": "hello", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode())


class Site:
    """The servers' side: what is served, and the certificate of its authority."""

    def __init__(self, net, directory: pathlib.Path):
        self.net, self.root = net, directory / "site"
        self.root.mkdir()
        fill(self.root)
        self.authority = directory / "authority.pem"
        subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=public.test", "-addext", "subjectAltName=DNS:public.test,DNS:other.test",
                        "-keyout", directory / "key.pem", "-out", self.authority], check=True, capture_output=True)
        self.server = net.popen("internet", sys.executable, "-B", str(HERE / "testnet_web.py"), "8443", str(self.root),
                                str(self.authority), str(directory / "key.pem"), stdout=subprocess.PIPE, text=True)
        assert self.server.stdout.readline() == "ready\n"

    def repository(self) -> pathlib.Path:
        bare = self.root / "git/repository.git"
        if not bare.exists():
            work = self.root / "work"
            run = lambda *words, cwd=work: subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words],
                                                          cwd=cwd, check=True, capture_output=True)
            work.mkdir()
            run("init", "-q", "-b", "main")
            (work / "file").write_text("cloned\n")
            run("add", ".")
            run("commit", "-qm", "One")
            run("clone", "-q", "--bare", str(work), str(bare), cwd=self.root)
            run("config", "http.receivepack", "true", cwd=bare)
        return bare

    def close(self) -> None:
        self.server.kill()
        self.server.communicate()


@pytest.fixture(scope="module")
def site(net, tmp_path_factory):
    made = Site(net, tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture
def trusting(where, site):
    """A host whose boxes trust the site's authority."""
    shutil.copy(site.authority, where.host.project / "authority.pem")
    path = str(where.host.project / "authority.pem")
    for name in ("CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "SSL_CERT_FILE"):
        where.options += ("--env", f"{name}={path}")
    return where


def works(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@tiers
def test_curl(trusting, tier):
    assert works(trusting.sh(f"curl -sS {SITE}/page && curl -4 -sS {SITE}/page && curl -6 -sS {SITE}/page", **TIERS[tier])) == \
        "fetched\n" * 3


@tiers
def test_a_large_file_arrives_whole(trusting, site, tier):
    expected = hashlib.sha256((site.root / "big").read_bytes()).hexdigest()
    out = works(trusting.sh(f"curl -sS {SITE}/big | sha256sum; curl -6 -sS {SITE}/big | sha256sum", **TIERS[tier]))
    assert [line.split()[0] for line in out.splitlines()] == [expected] * 2


@tiers
def test_git_over_https(trusting, site, tier):
    site.repository()
    script = (f"git clone -q {SITE}/git/repository.git clone && cat clone/file && cd clone && echo {tier} > file && "
              "git commit -qam Two && git push -q && git fetch -q && git status -sb")
    out = works(trusting.sh(script, **TIERS[tier]))
    assert out.splitlines()[0] in ("cloned", "internet") and "ahead" not in out
    shown = subprocess.run(["git", "--git-dir", site.repository(), "show", "main:file"], capture_output=True, text=True)
    assert shown.stdout == f"{tier}\n"


@tiers
def test_npm(trusting, tier):
    need("npm")
    (trusting.host.project / "package.json").write_text('{"name": "project", "version": "1.0.0"}')
    out = works(trusting.sh(f"npm install --no-audit --no-fund --registry {SITE}/ hello >&2 && "
                            "node -e \"console.log(require('hello'))\"", timeout=120, **TIERS[tier]))
    assert out == "required\n"


@tiers
def test_pip(trusting, tier):
    need("pip3")
    out = works(trusting.sh(f"pip3 install --disable-pip-version-check -q -i {SITE}/simple/ --target libraries hello >&2 && "
                            "PYTHONPATH=libraries python3 -c 'import hello; print(hello.said)'", timeout=120, **TIERS[tier]))
    assert out == "imported\n"


def test_node_fetches_by_itself(trusting):
    """Node resolves with getaddrinfo in threads and tries both families at once."""
    need("node")
    script = f"const r = []; for (let i = 0; i < 20; i++) r.push(fetch('{SITE}/page').then(x => x.text())); " \
             "Promise.all(r).then(x => console.log(new Set(x).size, x[0].trim()))"
    assert works(trusting.run("node", "-e", script, **TIERS["allowlist"])) == "1 fetched\n"


def test_a_name_that_is_missing_from_the_list_is_said_by_the_log(trusting):
    """The index is allowed and the files' host is not: the log is where a user finds that out."""
    need("pip3")
    done = trusting.sh(f"pip3 install --disable-pip-version-check --retries 0 -q -i {SITE}/simple/ --target libraries hello",
                       network="allowlist", options=("--allow", "public.test"), timeout=120)
    assert done.returncode != 0
    refused = [event["name"] for event in trusting.log("--denied")["events"] if event.get("result") == "refused"]
    assert "other.test" in refused


def test_a_direct_address_is_no_way_around_the_list(trusting, net):
    net.forget()
    done = trusting.sh(f"curl -sS --max-time 5 --resolve other.test:8443:{PUBLIC4} {FILES}/page; "
                       f"curl -sS --max-time 5 --resolve 'other.test:8443:[{PUBLIC6}]' {FILES}/page",
                       network="allowlist", options=("--allow", "wild.test"))
    assert done.stdout == "" and done.returncode != 0
    assert not [packet for packet in net.packets() if packet[1] in (PUBLIC4, PUBLIC6)]


@pytest.mark.ordinary_user  # as root the server wants a user and a directory that its package makes
@tiers
def test_git_over_ssh(trusting, site, tier, tmp_path):
    """Only where a server is installed: its package also starts one for the machine, which no test should ask for."""
    server = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if not server:
        pytest.xfail("sshd is not installed")
    project = trusting.host.project
    for name in (tmp_path / "host_key", project / "key"):
        subprocess.run([need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(name)], check=True)
    (tmp_path / "authorized").write_bytes((project / "key.pub").read_bytes())
    (tmp_path / "config").write_text(f"HostKey {tmp_path}/host_key\nAuthorizedKeysFile {tmp_path}/authorized\nUsePAM no\n"
                                     f"StrictModes no\nPidFile none\nPermitRootLogin yes\n")
    running = subprocess.Popen([server, "-D", "-e", "-f", str(tmp_path / "config"), "-p", "2222"],
                               preexec_fn=lambda: site.net.enter("internet"), stderr=subprocess.PIPE, text=True)
    try:
        while "listening" not in (line := running.stderr.readline()):
            assert line
        command = f"ssh -i {project}/key -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={project}/known -p 2222"
        out = works(trusting.sh(f"GIT_SSH_COMMAND='{command}' git clone -q ssh://public.test{site.repository()} clone && cat clone/file",
                                **TIERS[tier]))
        assert out
    finally:
        running.kill()
        running.communicate()
