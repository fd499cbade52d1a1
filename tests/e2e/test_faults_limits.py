"""Starts with too few descriptors, too little memory, too few processes (REL-2): at every limit a box works as it always does,
or claudebox says why there is none. The fixture `where` fails whatever leaves a process behind."""

from __future__ import annotations

import os
import pathlib
import resource
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))

import faults  # noqa: E402
from leftovers import Observer  # noqa: E402
from network_host import net, where  # noqa: E402, F401

KIB = 1 << 10
NO_DESCRIPTOR = r"EMFILE|Too many open files"
NO_MEMORY = r"ENOMEM|[Oo]ut of memory|EAGAIN"


@pytest.fixture
def own_memory(binary) -> None:
    """Whose limits these are: AddressSanitizer needs terabytes of addresses."""
    if b"__asan_init" in pathlib.Path(binary).read_bytes():
        pytest.skip("a build with AddressSanitizer can't have its addresses limited")


def with_something_to_protect(where) -> None:
    """Each is found by an open or a look of its own."""
    project = where.host.project
    where.host.repository(project / "nested")
    (project / ".git/hooks/pre-commit").write_text("#!/bin/sh\n")
    where.host.git("config", "core.hooksPath", "hooks-of-the-project")
    (project / "hooks-of-the-project").mkdir()
    (project / ".vscode").mkdir()
    (project / ".vscode/tasks.json").write_text("{}")
    (project / ".env").write_text("TOKEN=fake\n")
    where.host.write(".ssh/id_ed25519", "FAKE\n", 0o600)


def little_memory(where, step: int, count: int) -> range:
    """From the least with which the loader gets as far as claudebox."""
    low, high = 1 << 20, 1 << 46
    while high - low > step:
        middle = (low + high) // 2
        low, high = (low, middle) if loads(where, resource.RLIMIT_AS, middle) else (middle, high)
    return range(high, high + step * count, step)


def loads(where, kind: int, amount: int) -> bool:
    """Whether the loader gets as far as claudebox."""
    return faults.limited(where, kind, amount, "--version").returncode == 0


@pytest.mark.parametrize("network", ["offline", "internet"])
def test_few_descriptors(where, network):
    assert where.run(*faults.ECHO, network=network).returncode == 0
    observer = Observer(where)
    before = observer.picture()
    results = [faults.worked(faults.limited_run(where, resource.RLIMIT_NOFILE, amount, network), NO_DESCRIPTOR)
               for amount in range(5, 62, 1 if network == "offline" else 3) if loads(where, resource.RLIMIT_NOFILE, amount)]
    assert not results[0] and results[-1]
    assert results == sorted(results), "from some limit on it works"
    assert not observer.left(before)


@pytest.mark.usefixtures("own_memory")
def test_a_plan_is_whole_or_there_is_none(where):
    """A project that can't be read is no project with nothing to protect. (Planning takes one descriptor at a time, as the loader
    does: what happens without one is sys/host_test's.)"""
    with_something_to_protect(where)
    # Not as JSON: a destructor of nlohmann's allocates, and ends the program where it can't.
    plan = ("run", "--dry-run", "--verbose", "--explain", "--network", "offline", "--", "/bin/true")
    whole = where.claudebox(*plan).stdout
    assert "commondir" in whole and "hooks-of-the-project" in whole
    seen = set()
    for amount in little_memory(where, 40 * KIB, 40):
        done = faults.limited(where, resource.RLIMIT_AS, amount, *plan)
        seen.add(done.returncode)
        if done.returncode == 0:
            assert done.stdout == whole, amount
        else:
            assert done.returncode == 1 and "claudebox: " in done.stderr and "internal error" not in done.stderr, (amount, done)
    assert seen == {0, 1}, seen


@pytest.mark.usefixtures("own_memory")
@pytest.mark.parametrize("network", ["offline", "internet"])
def test_little_memory(where, network):
    assert where.run(*faults.ECHO, network=network).returncode == 0
    observer = Observer(where)
    before = observer.picture()
    results = [faults.worked(faults.limited_run(where, resource.RLIMIT_AS, amount, network), NO_MEMORY)
               for amount in little_memory(where, *((40 * KIB, 50) if network == "offline" else (160 * KIB, 25)))]
    assert not results[0] and results[-1], results
    assert not observer.left(before)
    assert where.run(*faults.ECHO, network=network).returncode == 0


@pytest.mark.ordinary_user
@pytest.mark.parametrize("network", ["offline", "internet"])
def test_few_processes(where, network):
    """The limit counts all that the user runs: from none at all to enough for one box."""
    assert where.run(*faults.ECHO, network=network).returncode == 0
    observer = Observer(where)
    before = observer.picture()
    running = sum(1 for entry in os.listdir("/proc") if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == os.getuid())
    results = [faults.worked(faults.limited_run(where, resource.RLIMIT_NPROC, amount, network), "EAGAIN|temporarily unavailable")
               for amount in (1, *range(running, running + 9))]
    assert not results[0]
    assert not observer.left(before)
