"""Names: the tier allowlist, and the resolver of every tier that has one (NET-3, NET-5)."""

from __future__ import annotations

import subprocess
import time

import pytest

from network_host import net, where  # noqa: F401
from testnet import (DEAD_NAME_SERVER, LAN4, METADATA4, NAME_SERVER, NAME_SERVER2, NAME_SERVER6, OTHER4, PUBLIC4, PUBLIC6)


def allowing(*names: str) -> dict:
    return {"network": "allowlist", "options": tuple(word for name in names for word in ("--allow", name))}


def resolve(where, *names: str, **more) -> list[str]:
    """For each name its addresses, sorted, or why there are none."""
    script = f"""
import socket
for name in {names!r}:
    try: print(" ".join(sorted({{a[4][0] for a in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)}})))
    except socket.gaierror as error: print({{-2: "no such name", -3: "try again", -4: "fail", -5: "no address"}}.get(error.errno, error.errno))
"""
    return where.python(script, **more).splitlines()


# --- allowlist ---------------------------------------------------------------------------------------------------------


def test_only_granted_names_and_their_addresses_are_reachable(where, net):
    direct, granted4, granted6, other, private = where.attempts(
        ("tcp", PUBLIC4, 80), ("tcp", "v4.test", 80, {"resolve": True}), ("tcp", "v6.test", 80, {"resolve": True}),
        ("tcp", OTHER4, 80), ("tcp", LAN4, 80), **allowing("v4.test", "v6.test"))
    assert direct["errno"] == "EHOSTUNREACH", "before it was looked up by name"
    assert "PUBLIC" in granted4["data"] and "PUBLIC" in granted6["data"]
    assert other["errno"] == "EHOSTUNREACH" and private["errno"] == "EHOSTUNREACH"
    assert {c[2] for c in net.contacts() if c[3] != 53} == {PUBLIC4, PUBLIC6}


def test_a_refused_name_never_leaves_the_machine(where, net):
    net.queries()
    answers = resolve(where, "public.test", "secret-data.refused.test", "refused.test", "evil.public.test",
                      **allowing("public.test"))
    assert PUBLIC4 in answers[0] and not any("." in answer for answer in answers[1:])
    asked = {query[2] for query in net.queries()}
    assert asked == {"public.test"}


def test_a_wildcard_grants_what_is_below_it_and_not_itself(where):
    got = resolve(where, "a.wild.test", "b.a.wild.test", "wild.test", "notwild.test", **allowing("*.wild.test"))
    assert got[:2] == ["45.90.80.84", "45.90.80.84"]
    assert all("." not in text for text in got[2:])


def test_a_chain_of_other_names_is_followed(where):
    (result,) = where.attempts(("tcp", "www.chain.test", 80, {"resolve": True}), **allowing("www.chain.test"))
    assert "PUBLIC" in result["data"], result


def test_an_address_that_nobody_asked_for_is_not_granted(where):
    named, stray = where.attempts(("tcp", "stray.test", 80, {"resolve": True}), ("tcp", "45.90.81.1", 80), **allowing("stray.test"))
    assert "PUBLIC" in named["data"] and stray["errno"] == "EHOSTUNREACH"


def test_hints_of_https_records_do_not_go_around_the_list(where):
    script = """
import socket, struct
q = b"\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5https\\4test\\0\\0\\x41\\0\\1"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(q, (open("/etc/resolv.conf").read().split("nameserver ")[1].split()[0], 53))
a = s.recv(4096); print(a[3] & 15, struct.unpack(">H", a[6:8])[0])
"""
    assert where.python(script, **allowing("https.test")) == "0 0\n"


@pytest.mark.parametrize("name", ["rebind-lan", "rebind-lan6", "rebind-host", "rebind-host6", "rebind-onlink", "rebind-loopback", "rebind-null",
                                  "rebind-mapped", "rebind-nat64", "rebind-6to4", "rebind-metadata", "rebind-mixed", "rebind-chain"])
def test_a_name_can_not_lead_to_a_private_address(where, net, name):
    for more in (allowing(f"{name}.test"), {"network": "internet"}):
        (answer,) = resolve(where, f"{name}.test", **more)
        assert "." not in answer and ":" not in answer, answer


def test_many_addresses_and_answers_by_tcp(where):
    many, truncated = resolve(where, "many.test", "tc.test", **allowing("many.test", "tc.test"))
    assert len(many.split()) == 60 and truncated == "45.90.80.83"


def test_a_grant_lives_while_it_is_used_and_longer_than_its_time(where):
    script = """
import socket, time
a = socket.getaddrinfo("short.test", 7)[0][4]
s = socket.create_connection(a[:2]); time.sleep(2.5); s.sendall(b"x"); print(s.recv(1))
socket.create_connection(a[:2], 5); print("again")
"""
    assert where.python(script, **allowing("short.test")) == "b'x'\nagain\n"


def test_a_forged_answer_is_not_believed(where):
    (answer,) = resolve(where, "forged.test", **allowing("forged.test"))
    assert answer == "45.90.80.93"


# --- the host's name servers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("servers", [(NAME_SERVER6,), ("127.0.0.53",), ("127.0.0.1",), ("192.168.77.1",), (NAME_SERVER2, NAME_SERVER)])
def test_the_host_s_servers_are_asked_wherever_they_are(where, net, servers):
    with net.name_servers(*servers):
        assert resolve(where, "v4.test") == [PUBLIC4]
    assert net.queries()[0][0] == servers[0]


def test_a_dead_server_is_left_for_the_next(where, net):
    with net.name_servers(DEAD_NAME_SERVER, NAME_SERVER):
        assert resolve(where, "v4.test") == [PUBLIC4]


def test_search_domains_and_options_are_the_host_s(where, net):
    with net.name_servers(NAME_SERVER, more="search corp.test\noptions ndots:2 edns0 trust-ad\n"):
        assert resolve(where, "host") == ["45.90.80.95"]
        assert "trust-ad" not in where.sh("cat /etc/resolv.conf").stdout


def test_no_resolver_at_all_fails_at_once_or_asks_the_loopback(where, net):
    net.resolv_conf(None)
    try:
        assert resolve(where, "v4.test") == [PUBLIC4], "glibc's default is 127.0.0.1, and a server is there"
    finally:
        net.resolv_conf(f"nameserver {NAME_SERVER}\n")


@pytest.mark.parametrize("replace", [False, True])
def test_servers_that_change_while_the_box_lives_are_followed(where, net, replace):
    script = """
import socket, sys
for line in sys.stdin: print(socket.gethostbyname("v4.test"), flush=True)
"""
    box = where.popen("/usr/bin/python3", "-u", "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for server in (NAME_SERVER, NAME_SERVER2):
            net.resolv_conf(f"nameserver {server}\n", replace=replace)
            net.queries()
            box.stdin.write("go\n")
            box.stdin.flush()
            assert box.stdout.readline().strip() == PUBLIC4
            assert {query[0] for query in net.queries()} == {server}
    finally:
        box.stdin.close()
        box.wait(20)
        net.resolv_conf(f"nameserver {NAME_SERVER}\n")


def test_a_slow_answer_holds_nobody_up(where):
    script = """
import socket, threading, time
slow = threading.Thread(target=lambda: print(socket.gethostbyname("slow.test"))); slow.start(); time.sleep(0.05)
start = time.monotonic(); quick = socket.gethostbyname("v4.test"); waited = time.monotonic() - start
slow.join(); print(quick, waited < 0.8)
"""
    assert where.python(script).split() == ["45.90.80.88", PUBLIC4, "True"]


def test_rubbish_and_floods_leave_the_resolver_working(where):
    script = """
import os, socket
server = open("/etc/resolv.conf").read().split("nameserver ")[1].split()[0]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
good = b"\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6silent\\4test\\0\\0\\1\\0\\1"
for i in range(3000):
    packet = os.urandom(i % 70)
    s.sendto(packet, (server, 53))
    if i % 10 == 0: s.sendto(good[:i % len(good)], (server, 53))
for i in range(200): s.sendto(os.urandom(2) + good[2:], (server, 53))
clients = []
for i in range(30):
    c = socket.create_connection((server, 53)); c.sendall(os.urandom(1000)); clients.append(c)
import time
for attempt in range(20):
    try: print(socket.gethostbyname("v4.test")); break
    except OSError: time.sleep(1)
"""
    assert where.python(script) == f"{PUBLIC4}\n"


def test_names_with_escapes_are_harmless_in_the_log(where):
    resolve(where, "escape.test")
    done = where.sh("printf '\\\\022\\\\064\\\\001\\\\000\\\\000\\\\001\\\\000\\\\000\\\\000\\\\000\\\\000\\\\000\\\\005\\\\033[31m\\\\004test\\\\000\\\\000\\\\001\\\\000\\\\001' > q; "
                    "/usr/bin/python3 -c \"import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); "
                    "s.sendto(open('q','rb').read(), (open('/etc/resolv.conf').read().split('nameserver ')[1].split()[0], 53)); s.recv(999)\"")
    assert done.returncode == 0, done.stderr
    shown = where.claudebox("log")
    assert shown.returncode == 0 and "\x1b" not in shown.stdout


# --- a private destination that was opened -------------------------------------------------------------------------------


def test_lan_opens_one_destination_by_address_or_name(where, net):
    by_address = ("--lan", f"{LAN4}:80")
    opened, other_port, other = where.attempts(("tcp", LAN4, 80), ("tcp", LAN4, 443), ("tcp", "192.168.77.1", 80), options=by_address)
    assert "LEAK lan" in opened["data"] and other_port["errno"] == other["errno"] == "EHOSTUNREACH"
    (named,) = where.attempts(("tcp", "printer.lan.test", 80, {"resolve": True}), options=("--lan", "printer.lan.test:80"))
    assert "LEAK lan" in named["data"], named
    (named,) = where.attempts(("tcp", "printer.lan.test", 80, {"resolve": True}), network="allowlist",
                              options=("--lan", "printer.lan.test:80"))
    assert "LEAK lan" in named["data"], named


def test_lan_never_opens_metadata(where, net):
    done = where.claudebox("run", "--yes", "--lan", METADATA4, "--", "true")
    assert done.returncode == 2 and "metadata" in done.stderr
    (denied,) = where.attempts(("tcp", METADATA4, 80), options=("--lan", "169.254.0.0/16"))
    assert denied["errno"] == "EHOSTUNREACH"
    (answer,) = resolve(where, "rebind-metadata.test", options=("--lan", "rebind-metadata.test"))
    assert "." not in answer
    assert not [c for c in net.contacts() if c[3] != 53]
