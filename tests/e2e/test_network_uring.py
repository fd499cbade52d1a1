"""io_uring makes sockets and uses them where no filter of system calls sees it. A box has no ring (BOX-7), and without that
filter the ring's packets would meet the gateway like any others (NET-2)."""

from __future__ import annotations

import pathlib

import pytest

from network_host import inside_network, net, where  # noqa: F401
from testnet import HOST4, LAN4, LAN6, METADATA4, PUBLIC4, PUBLIC6

PROBE = (pathlib.Path(__file__).parent / "uring_probe.py").read_text()
TIERS = {"internet": (), "allowlist": ("--allow", "public.test"), "offline": (), "full": ()}


def outside(net, *words: str, enter=None) -> str:
    done = net.run("host", "/usr/bin/python3", "-c", PROBE, *words) if enter is None else enter("/usr/bin/python3", "-c", PROBE, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def ring(net):
    """This kernel has rings, and the probe uses them."""
    if (said := outside(net, LAN4, "80")).startswith("setup "):
        pytest.xfail(f"this machine has no io_uring: {said}")


@pytest.mark.parametrize("words", [(), ("socket",)])
@pytest.mark.parametrize("address", [LAN4, LAN6])
def test_without_a_box_the_probe_reaches_everything(ring, net, address, words):
    assert "LEAK lan" in outside(net, address, "80", *words)


@pytest.mark.parametrize("network", TIERS)
def test_a_box_has_no_ring(ring, where, net, network):
    net.forget()
    for address in (LAN4, LAN6, PUBLIC4):
        for words in ((), ("socket",)):
            done = where.run("/usr/bin/python3", "-c", PROBE, address, "80", *words, network=network, options=TIERS[network])
            assert done.stdout == "setup ENOSYS\n", done.stdout + done.stderr
    assert not [contact for contact in net.contacts() if contact[3] == 80]


def test_the_network_of_a_box_holds_against_a_ring(ring, where, net):
    """The ring of somebody who stands in the box's network without the filter."""
    with inside_network(where) as enter:
        for words in ((), ("socket",)):
            for address in (PUBLIC4, PUBLIC6):
                assert "PUBLIC internet" in outside(net, address, "80", *words, enter=enter)
            net.contacts()
            for address in (LAN4, LAN6, HOST4, METADATA4):
                assert outside(net, address, "80", *words, enter=enter) in ("connect EHOSTUNREACH", "connect EACCES")
    assert not [contact for contact in net.contacts() if contact[3] == 80]
