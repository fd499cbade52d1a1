"""The selftest (`claudebox selftest`), tested by breaking what it looks at: with one protection taken out, its row, and no
more than what hangs together with it, is broken. claudebox_broken (tests/breakage) is claudebox with that switch."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from conftest import TIMEOUT, Host
from network_host import net  # noqa: F401
from prey import probe_program
from test_attacks import landlock_abi
from testnet import TestNet

ROOT = os.getuid() == 0
OFFLINE, INTERNET = ("--network", "offline"), ("--network", "internet")
ALLOWLIST = ("--network", "allowlist", "--allow", "public.test")
TARGETS = {"network.own", "network.near", "network.private", "network.metadata", "network.slirp"}
SEEN_IN_PROC = {"processes.visible", "privileges.new", "seccomp.active"}

# What is taken out, in which box, and what that breaks: rows that must be, and rows that may be, since they look at the
# same thing or since it depends on the kernel.
BREAKAGES: dict[str, tuple[tuple[str, ...], set[str], set[str]]] = {
    "home": (OFFLINE, {"files.secrets", "files.home", "files.projects", "files.roots"}, {"sockets.agents"}),
    "machine": (OFFLINE, {"files.system", "files.roots"}, set()),
    "environment": (OFFLINE, {"environment.variables", "environment.processes"}, set()),
    "descriptors": (OFFLINE, {"descriptors"}, set()),
    "pid-namespace": (OFFLINE, {"processes.reach", "namespaces", "ends.processes", "ends.namespaces", *SEEN_IN_PROC},
                      {"files.secrets", "files.roots", "privileges.capabilities", "processes.programs", "kernel.proc",
                       "environment.processes"}),
    "host-proc": (OFFLINE, SEEN_IN_PROC, {"files.secrets", "files.roots", "privileges.capabilities", "processes.programs",
                                          "kernel.proc", "environment.processes", "processes.reach"}),
    "namespaces": (OFFLINE, {"namespaces"}, set()),
    "capabilities": (OFFLINE, {"privileges.capabilities", "mounts.change"},
                     {"kernel.proc", "kernel.proc-sys", "privileges.identity"}),
    "user": (OFFLINE, {"privileges.identity"}, {"kernel.proc"}),
    "seccomp": (OFFLINE, {"seccomp.active", "seccomp.terminal", "seccomp.keyrings", "seccomp.io_uring", "seccomp.doors"},
                {"seccomp.families", "seccomp.raw", "seccomp.foreign", "descriptors"}),
    "covers": (OFFLINE, {"protected.write", "protected.move"}, set()),
    "pins": (OFFLINE, {"protected.move"}, set()),
    "device": (OFFLINE, {"kernel.devices"}, set()),
    "network": (OFFLINE, {"network.loopback", "network.routes", "namespaces"}, set()),
    "limits": ((*OFFLINE, "--limit", "open-files=300", "--limit", "memory=2G"), {"limits.open-files"}, {"limits.memory"}),
    "process": (OFFLINE, {"ends.processes"}, set()),
    "stubs": (OFFLINE, {"ends.files"}, set()),
    "policy": (ALLOWLIST, TARGETS | {"network.ungranted", "names.servers"}, set()),
    "host-networks": (INTERNET, {"network.own"}, {"network.near"}),
    "private-ranges": (INTERNET, {"network.private", "network.near"}, set()),
    "names": (ALLOWLIST, {"names.ungranted"}, set()),
    "name-answers": (INTERNET, {"names.private"}, set()),
}
if ROOT:  # what the kernel refuses to an ordinary user, whatever claudebox does
    BREAKAGES["program"] = (OFFLINE, {"processes.programs"}, set())
    BREAKAGES["proc-sys"] = (OFFLINE, {"kernel.proc-sys"}, set())
    BREAKAGES["sys"] = (OFFLINE, {"kernel.sys"}, {"files.secrets", "files.roots"})
    BREAKAGES["mount"] = (OFFLINE, {"ends.mounts"}, set())
if landlock_abi() >= 6:
    BREAKAGES["landlock"] = (("--network", "full"), {"sockets.abstract"}, set())
SOCKETS = {"sockets.dbus": "DBUS_SESSION_BUS_ADDRESS", "sockets.containers": "DOCKER_HOST", "sockets.agents": "SSH_AUTH_SOCK",
           "sockets.paths": None}

# Rows that no breakage here breaks, and why.
NOT_BROKEN = {
    "mounts.nested": "the kernel itself locks the mounts of a box in namespaces below it",
    "privileges.setuid-files": "bwrap mounts everything nosuid",
    "kernel.proc": "depends on the kernel; broken with host-proc by root",
    "seccomp.families": "depends on what the kernel has; broken with seccomp where it has any",
    "seccomp.raw": "the same",
    "seccomp.foreign": "the same",
    "limits.memory": "where a cgroup holds it, trying would end the box; see the probe alone",
    "limits.processes": "see the probe alone",
    "packages.store": "see the probe alone",
}
ONLY_ROOT = {"processes.programs", "kernel.proc-sys", "kernel.sys", "ends.mounts"}


@pytest.fixture
def broken(host):
    """claudebox_broken on a host with things to find."""
    host.binary = str(probe_program(host.binary).with_name("claudebox_broken"))
    host.plant_secrets()
    shutil.move(host.project, host.home / "src/app")
    host.project = host.home / "src/app"
    host.repository(host.home / "src/other")
    return host


def selftest(host: Host, *options: str, net: TestNet | None = None, before: tuple[str, ...] = (), **env) -> dict:
    """Its record, with the rows by their ids."""
    done = subprocess.run([*before, host.binary, "selftest", "--json", *options], cwd=host.project, env=host.env | env,
                          capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
                          preexec_fn=(lambda: net.enter("host")) if net else None)
    assert done.stdout, done.stderr
    record = json.loads(done.stdout)
    assert done.returncode == (1 if record["broken"] else 0), done.stderr
    return {row["id"]: row for row in record["attempts"]}


def ids(rows: dict, outcome: str) -> set[str]:
    return {id for id, row in rows.items() if row["outcome"] == outcome}


@contextlib.contextmanager
def listening(path: pathlib.Path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(4)
        yield str(path)


@pytest.mark.parametrize("name", sorted(BREAKAGES))
def test_the_row_of_a_protection_that_is_taken_out_is_broken(broken, net, name):
    options, must, may = BREAKAGES[name]
    world = net if options[1] in ("internet", "allowlist") else None
    before = ("unshare", "--mount", "--propagation", "private") if name == "mount" else ()
    intact = selftest(broken, *options, net=world)
    assert ids(intact, "broken") == set()
    assert must <= ids(intact, "held"), {id: intact[id] for id in must}
    rows = selftest(broken, *options, net=world, before=before, CLAUDEBOX_BREAK=name)
    found = ids(rows, "broken")
    assert must <= found, {id: rows[id] for id in must - found}
    assert found <= must | may, {id: rows[id] for id in found - must - may}


@pytest.mark.parametrize("row", sorted(SOCKETS))
def test_a_socket_that_is_let_in_breaks_the_row_of_its_kind(broken, row):
    variable = SOCKETS[row]
    with listening(broken.home / "socket") as path:
        if variable:
            broken.env[variable] = path if variable == "SSH_AUTH_SOCK" else \
                f"unix:path={path},guid=1" if "DBUS" in variable else f"unix://{path}"
        assert selftest(broken)[row]["outcome"] == "held"
        found = ids(selftest(broken, CLAUDEBOX_BREAK="path", CLAUDEBOX_BREAK_PATH=path), "broken")
    assert row in found and found <= {row, "files.roots"}


def test_every_row_can_be_broken(broken):
    """Or there is a reason why not."""
    broken_by_something = set(SOCKETS).union(*(must for _, must, _ in BREAKAGES.values()))
    excused = set(NOT_BROKEN) | (set() if ROOT else ONLY_ROOT) | (set() if landlock_abi() >= 6 else {"sockets.abstract"})
    rows = set(selftest(broken))
    assert rows - broken_by_something == excused
    assert not broken_by_something & set(NOT_BROKEN)


def test_every_breakage_is_tried(broken):
    done = subprocess.run([broken.binary], env={"CLAUDEBOX_BREAK": "list"}, capture_output=True, text=True, timeout=TIMEOUT)
    known = set(done.stdout.split())
    assert known - {"path"} - ({"landlock"} if landlock_abi() < 6 else set()) - \
        (set() if ROOT else {"program", "proc-sys", "sys", "mount"}) == set(BREAKAGES)


def test_the_real_program_has_no_such_switch(host):
    assert b"CLAUDEBOX_BREAK" not in pathlib.Path(host.binary).read_bytes()
    assert ids(selftest(host, CLAUDEBOX_BREAK="home"), "broken") == set()


# --- the probe alone: what would take more than there is on every host ---------------------------------------------------


def probe(host, *facts: str) -> tuple[str, str]:
    done = subprocess.run([probe_program(host.binary), *facts], capture_output=True, text=True, timeout=TIMEOUT)
    row, end = (line.split("\t") for line in done.stdout.splitlines())
    return row[1], row[2]


def test_limits_that_are_not_there_are_noticed(host):
    for limit in ("memory=1000000", "processes=20", "open-files=100"):
        name = limit.split("=")[0]
        assert probe(host, f"only=limits.{name}", f"limit.{limit}")[0] == "broken", limit
        assert probe(host, f"only=limits.{name}")[0] == "untried"


def test_another_path_in_the_store_is_noticed(host):
    store = host.home / "store"
    for name in ("one", "two"):
        (store / name).mkdir(parents=True)
    facts = ("only=packages.store", f"store={store}")
    assert probe(host, *facts, "store-paths=1") == ("broken", f"a file was made in {store}" if os.access(store, os.W_OK)
                                                    else "2 paths instead of 1")
    done = host.run("/opt/probe", *facts, "store-paths=1",
                    options=("--mount", f"{probe_program(host.binary)}:/opt/probe:ro", "--mount", f"{store}:{store}:ro"))
    assert re.search("packages.store\tbroken\t2 paths instead of 1", done.stdout), done.stdout + done.stderr


# --- the real program, in the tiers with a gateway -----------------------------------------------------------------------


@pytest.mark.parametrize("options", [INTERNET, ALLOWLIST])
def test_the_gateway_refuses_what_it_should_and_nothing_leaves_the_host(host, net, options):
    net.forget()
    rows = selftest(host, *options, net=net)
    assert ids(rows, "broken") == set()
    tried = TARGETS | ({"names.private"} if options is INTERNET else {"names.ungranted", "names.servers", "network.ungranted"})
    assert tried <= ids(rows, "held"), {id: rows[id] for id in tried}
    assert not net.contacts()
    assert not [packet for packet in net.packets() if packet[2] != 53 and packet[0] in ("tcp", "udp")
                and not packet[1].startswith("127.")]
    assert not net.queries()


def test_a_destination_that_is_granted_is_not_held_against_the_box(host, net):
    rows = selftest(host, *INTERNET, "--lan", "192.168.255.254", net=net)
    assert ids(rows, "broken") == set()
    assert rows["network.private"]["detail"].startswith("0 of 28 ")
