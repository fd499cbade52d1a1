"""A host whose only way out is an HTTP proxy, at a private address or on its loopback (NET-9, NET-11)."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import threading

import pytest

from api_double import REPLY
from network_client import authority, client, public_api  # noqa: F401
from network_host import net, where  # noqa: F401
from testnet import PUBLIC4

HERE = pathlib.Path(__file__).resolve().parent
NO_ROUTES = ("route del default", "route del ::/0")
ROUTES = ("route add default via 45.80.10.1 dev pub0", "route add ::/0 via 2a0e:1111:10::1 dev pub0")
GIVING_UP = ("--env", "CLAUDE_CODE_MAX_RETRIES=0", "--env", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1")

# Where the proxy listens, and the flag that opens the way to it.
PLACES = {"private": ("lan", "192.168.77.30", ("--lan", "192.168.77.30:3128")),
          "loopback": ("host", "127.0.0.1", ("--reach", "3128"))}
places = pytest.mark.parametrize("place", PLACES)
# allowlist wants something on its list. What is on it has no meaning for a proxy.
TIERS = {"internet": (), "allowlist": ("--allow", "short.test")}
tiers = pytest.mark.parametrize("network", TIERS)


class Proxy:
    """The proxy, on a host that has nothing else."""

    def __init__(self, net, where, place: str):
        space, address, self.flag = PLACES[place]
        self.where, self.asked = where, []
        self.url = f"http://{address}:3128"
        with net.listen(space, address, 3128) as listener:
            self.process = net.popen("internet", sys.executable, "-B", str(HERE / "testnet_proxy.py"), str(listener.fileno()),
                                     stdout=subprocess.PIPE, text=True, pass_fds=[listener.fileno()])
        self.reader = threading.Thread(target=lambda: self.asked.extend(line.strip() for line in self.process.stdout))
        self.reader.start()
        for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
            where.host.env[name] = self.url

    def close(self) -> list[str]:
        """Ends it; what it was asked for."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        return self.asked


@pytest.fixture
def proxy(net, where, place):
    with net.changed(*NO_ROUTES, undo=ROUTES), net.name_servers():
        made = Proxy(net, where, place)
        yield made
        made.close()


@places
@tiers
def test_curl_goes_through_the_proxy(proxy, where, net, network):
    done = where.sh("curl -sS --max-time 20 http://public.test/", network=network, options=(*proxy.flag, *TIERS[network]))
    assert f"PUBLIC internet {PUBLIC4}" in done.stdout, done.stderr
    assert proxy.close() == ["GET http://public.test/"]
    assert not net.queries(), "the proxy looks up names"


@places
@tiers
def test_the_client_goes_through_the_proxy(proxy, client, net, network):
    done = client("-p", "hi", network=network, options=(*proxy.flag, *TIERS[network]))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.strip() == REPLY
    asked = set(proxy.close())
    assert "CONNECT api.anthropic.com:443" in asked
    assert len(client.api.conversations()) == 1
    assert not net.queries()


@places
@tiers
def test_without_the_flag_the_proxy_is_out_of_reach_and_the_audit_says_what_to_do(proxy, where, network):
    options = TIERS[network]
    audit = where.claudebox("plan", "--network", network, *options, "--", "true")
    text = " ".join((audit.stdout + audit.stderr).split())
    assert " ".join(proxy.flag) + " opens the way" in text, text
    done = where.sh("curl -sS --max-time 20 http://public.test/", network=network, options=options)
    assert done.returncode == 7, "refused at once, not waited for"  # CURLE_COULDNT_CONNECT
    assert proxy.close() == []


@places
def test_without_the_flag_the_client_fails_and_says_so(proxy, client):
    done = client("-p", "hi", network="internet", options=GIVING_UP)
    assert done.returncode == 1 and "API" in done.stdout, done.stdout
    assert proxy.close() == [] and not client.api.log


@places
def test_the_flag_opens_the_proxy_alone(proxy, where, net):
    """With the way to the proxy open, neither its machine's other ports nor another machine is reached."""
    results = where.attempts(("tcp", "192.168.77.30", 80), ("tcp", "192.168.77.20", 80), ("udp", "192.168.77.30", 7),
                             ("tcp", PUBLIC4, 80), options=proxy.flag)
    assert [result["errno"] for result in results if result["errno"] is None] == []
    assert not net.contacts()


@places
def test_without_a_proxy_the_host_reaches_nothing(proxy, where, net):
    """What the tests above rest on: the host itself has no other way."""
    done = net.run("host", "curl", "-sS", "--noproxy", "*", "--max-time", "5", f"http://{PUBLIC4}/", check=False)
    assert done.returncode == 7 and "LEAK" not in done.stdout
    done = net.run("host", "curl", "-sS", "-x", proxy.url, "--max-time", "20", "http://public.test/")
    assert "PUBLIC" in done.stdout
