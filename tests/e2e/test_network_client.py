"""The real Claude Code client in the tiers with a network of their own, against the double of its API on the test internet
(NET-2, NET-3, NET-4, NET-7)."""

from __future__ import annotations

import pytest

from api_double import REPLY
from network_client import KEY, NAMES, authority, client, public_api  # noqa: F401
from network_host import net, where  # noqa: F401
from testnet import LAN4
from testnet_dns import API4, API6

API = ("--allow", "api.anthropic.com")
TIERS = {"internet": (), "allowlist": API}
tiers = pytest.mark.parametrize("network", TIERS)

# What the client does on its own account when it can't reach the API goes on for minutes: by default it asks ten times.
GIVING_UP = ("--env", "CLAUDE_CODE_MAX_RETRIES=0", "--env", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1")


def assert_worked(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def met(net) -> set[str]:
    """Addresses that were met, name servers apart."""
    return {address for _, _, address, port, _ in net.contacts() if port != 53}


@tiers
def test_a_prompt_is_answered(client, net, network):
    assert assert_worked(client("-p", "hi", network=network, options=TIERS[network])).stdout.strip() == REPLY
    (conversation,) = client.api.conversations()
    assert conversation["messages"]
    (said,) = client.api.requests("/v1/messages")
    assert said["host"] == "api.anthropic.com" and said["credential"] == KEY[:40]
    # The servers of the test network that stand on every other address met nobody.
    assert not met(net)
    assert "api.anthropic.com" in {name for _, _, name, _ in net.queries()}


@tiers
def test_its_tools_have_the_tier_s_network(client, net, network):
    """A conversation with several turns, in which the agent itself tries to go further."""
    probe = "curl -sS --max-time 5 http://{} 2>&1 | head -c 200"
    prompt = "\n".join("RUN:" + probe.format(target) for target in ("public.test", LAN4, "refused.test/secret"))
    assert_worked(client("-p", prompt, network=network, options=TIERS[network]))
    public, lan, refused = client.api.tool_results
    assert "LEAK" not in lan and "connect" in lan
    assert LAN4 not in met(net)
    asked = {name for _, _, name, _ in net.queries()}
    if network == "internet":
        assert "PUBLIC internet" in public and "PUBLIC internet" in refused
    else:
        assert "Could not resolve" in public and "Could not resolve" in refused
        assert asked <= set(NAMES), "refused names left the machine"


@pytest.mark.parametrize("network, options", [("allowlist", ("--allow", "public.test")), ("offline", ())])
def test_without_its_name_it_fails_and_says_so(client, net, network, options):
    done = client("-p", "hi", network=network, options=(*GIVING_UP, *options))
    assert done.returncode == 1
    assert "Can't reach the API server" in done.stdout, done.stdout
    assert not client.api.log and not net.contacts() and not net.queries(), "something left the machine"
    refused = {event["name"] for event in client.where.log("--denied")["events"] if event.get("result") == "refused"}
    assert refused == ({"api.anthropic.com"} if network == "allowlist" else set()), "the log says which name to allow"


def test_the_api_s_address_is_no_way_around_the_list(client, net):
    """The client is given the address itself."""
    done = client("-p", "hi", network="allowlist", options=(
        *GIVING_UP, "--allow", "public.test", "--env", f"ANTHROPIC_BASE_URL=https://{API4}"))
    assert done.returncode == 1 and "API" in done.stdout
    assert not client.api.log and not met(net)
    refused = {event["address"] for event in client.where.log("--denied")["events"] if event["kind"] == "denied"}
    assert refused == {API4}


def test_a_server_with_a_foreign_certificate_is_not_believed(client, net):
    """Shows that the tests above go through TLS: without the authority the client gives up."""
    client.options = client.options[:2]
    done = client("-p", "hi", network="internet", options=GIVING_UP)
    assert done.returncode == 1 and "certificate" in done.stdout.lower(), done.stdout
    assert not client.api.requests("/v1/messages")


def test_both_families_lead_to_the_api(client, net):
    """A host without IPv4 to the internet, and one without IPv6."""
    for gone, back in (("route del default", "route add default via 45.80.10.1 dev pub0"),
                       ("route del ::/0", "route add ::/0 via 2a0e:1111:10::1 dev pub0")):
        server = "2a0e:1111:100::53" if gone == "route del default" else "45.90.53.53"
        with net.changed(gone, undo=(back,)), net.name_servers(server):
            done = assert_worked(client("-p", "hi", network="allowlist", options=API))
        assert done.stdout.strip() == REPLY
        reached = {event["address"] for event in client.where.log()["events"] if event["kind"] == "reached" and event["bytes_in"]}
        assert reached == {API6 if gone == "route del default" else API4}
