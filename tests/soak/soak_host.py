"""What the soak scripts share: a host in a test network, outside of pytest. The scripts run for minutes and print figures;
their short forms are tests of tests/e2e/test_soak.py."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
SCRIPTS = TESTS.parent / "script"
sys.path.insert(0, str(TESTS / "e2e"))

import descendants  # noqa: E402
from conftest import Host, find_binary  # noqa: E402
from network_host import NetworkHost  # noqa: E402
from testnet import TestNet  # noqa: E402


@contextlib.contextmanager
def soak_host():
    """Boxes on a host in the test network. Everything of it ends with the block, boxes that were left included."""
    descendants.adopt_orphans()
    before = set(descendants.below(os.getpid()))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cbx-soak-"))
    net = TestNet()
    try:
        yield NetworkHost(Host(directory, find_binary()), net)
    finally:
        descendants.end(descendants.below(os.getpid(), before | {net.world.pid}))
        net.close()
        shutil.rmtree(directory, ignore_errors=True)


def distribution(values: list[float]) -> str:
    ordered = sorted(values)
    if not ordered:
        return "none"
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]
    return f"median {at(0.5):.2f}, 90 % {at(0.9):.2f}, 99 % {at(0.99):.2f}, longest {ordered[-1]:.2f}"
