"""Parts that are stopped, tools and name servers that hang, clocks that are set (REL-2): claudebox goes on, or ends when it is asked
to, and leaves nothing. The fixture `where` fails whatever leaves a process behind."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import signal
import subprocess
import termios
import time

import pytest

import descendants
from conftest import TIMEOUT, need
from network_host import net, where  # noqa: F401
from testnet import DEAD_NAME_SERVER, PUBLIC4

SLIRP = "/usr/bin/slirp4netns"


def up(where, script: str, prepare: str = ":", **more) -> subprocess.Popen:
    """A box that has said "up"."""
    box = where.popen("/bin/sh", "-c", f"{prepare}; echo up; {script}", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True, **more)
    assert box.stdout.readline() == "up\n", box.communicate()[1]
    return box


# --- parts that are stopped


def part(box: subprocess.Popen, name: str) -> int:
    if name == "supervisor":
        return box.pid
    word, which = {"outer bwrap": ("bwrap", 0), "inner bwrap": ("bwrap", 1)}.get(name, (name, 0))
    found = [pid for pid, command in descendants.below(box.pid).items() if word in command and "claudebox run" not in command]
    return found[which]


@pytest.mark.parametrize("name", ["supervisor", "__gateway", "slirp4netns", "outer bwrap", "inner bwrap", "sleep"])
@pytest.mark.parametrize("end", ["asked twice", "kill -9"])
def test_a_box_with_a_stopped_part_ends(where, name, end):
    box = up(where, "exec sleep 1000", options=("--publish", "3000"))
    victim = part(box, name)
    os.kill(victim, signal.SIGSTOP)
    if end == "kill -9":
        box.kill()
        assert box.wait(TIMEOUT) == -signal.SIGKILL
    else:
        box.terminate()
        time.sleep(0.2)
        box.terminate()
        if name == "supervisor":
            os.kill(victim, signal.SIGCONT)
        assert box.wait(TIMEOUT) == 128 + signal.SIGTERM
    box.communicate()


@pytest.mark.parametrize("name", ["__gateway", "slirp4netns", "outer bwrap", "inner bwrap"])
def test_a_box_goes_on_with_a_part_that_was_stopped(where, name):
    box = up(where, "sleep 0.5; exit 7")
    victim = part(box, name)
    os.kill(victim, signal.SIGSTOP)
    time.sleep(0.7)
    with contextlib.suppress(ProcessLookupError):  # a part of the network holds up no end
        os.kill(victim, signal.SIGCONT)
    assert box.wait(TIMEOUT) == 7
    box.communicate()


# --- a network that does not get ready


@contextlib.contextmanager
def in_place_of_slirp(where, text: str):
    """Another program under the name of slirp4netns, for the test's host alone."""
    need("slirp4netns")
    program = where.host.root / "stand-in"
    program.write_text(text)
    program.chmod(0o755)
    where.net.run("host", "mount", "--bind", str(program), SLIRP)
    try:
        yield
    finally:
        where.net.run("host", "umount", SLIRP)


HANGS = "#!/bin/sh\nexec sleep 1000\n"
# It listens, so that all but the last word comes.
NEVER_READY = """#!/usr/bin/python3 -IS
import socket, sys, time
listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listening.bind(sys.argv[-1])
listening.listen(1)
peer = listening.accept()
print("waiting for the moon", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("text, why", [(HANGS, "slirp4netns does not answer"), (NEVER_READY, "slirp4netns does not get ready")],
                         ids=["no answer", "never ready"])
def test_a_network_that_does_not_get_ready_is_given_up(where, text, why):
    with in_place_of_slirp(where, text):
        done = where.sh("touch ran")
    assert done.returncode == 125 and why in done.stderr, done
    assert ("waiting for the moon" in done.stderr) == (text == NEVER_READY)
    assert not (where.host.project / "ran").exists()
    assert where.sh("echo fine").stdout == "fine\n"


def test_ctrl_c_while_the_network_is_not_ready(where):
    """There is no command that could take notice of it."""
    ours, theirs = os.openpty()

    def on_terminal() -> None:
        where.enter()
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    with in_place_of_slirp(where, HANGS):
        box = where.host.popen("run", "--yes", "--quiet", "--network", "internet", "--", "touch", "ran", stdin=theirs, stdout=theirs,
                               stderr=subprocess.PIPE, text=True, preexec_fn=on_terminal)
        os.close(theirs)
        deadline = time.monotonic() + TIMEOUT
        while not [command for command in descendants.below(box.pid).values() if command.startswith("sleep")]:
            assert time.monotonic() < deadline and box.poll() is None
            time.sleep(0.01)
        time.sleep(0.2)  # the terminal's signal goes to whoever is there: bwrap should be
        os.write(ours, b"\x03")
        said = box.communicate(timeout=8)[1]  # without it the box is given up after ten seconds
    os.close(ours)
    assert box.returncode == 128 + signal.SIGINT and "the command has not run" in said, (box.returncode, said)
    assert not (where.host.project / "ran").exists()


# --- tools and servers that hang


def test_tools_that_hang_hold_up_no_start(where):
    """A start reads what git and Nix say from their files. What `check` runs has a time limit, and does not live on."""
    marks = where.host.root / "marks"
    marks.mkdir()
    for name in ("git", "nix", "nix-store", "nix-build", "getent", "sh", "env"):
        tool = where.host.write(f".local/bin/{name}", f"#!/bin/sh\ntrap '' TERM INT HUP\n: >{marks}/{name}\nwhile :; do sleep 1; done\n", 0o755)
        assert tool.exists()
    where.host.env["PATH"] = f"{where.host.home}/.local/bin:/usr/local/bin:/usr/bin:/bin"
    for network in ("offline", "internet"):
        done = where.run("/bin/echo", "fine", network=network)
        assert done.returncode == 0 and done.stdout == "fine\n", done
    assert where.claudebox("run", "--dry-run", "--", "/bin/true").returncode == 0
    assert not list(marks.iterdir())
    where.claudebox("check")


def test_a_name_server_that_hangs_holds_up_lookups_only(where, net):
    script = f"""
import socket, threading
threading.Thread(target=lambda: socket.getaddrinfo("v4.test", 80), daemon=True).start()
socket.create_connection(("{PUBLIC4}", 80), 20).close()
print("connected", flush=True)
"""
    with net.name_servers(DEAD_NAME_SERVER):
        assert where.python(script + "import os; os._exit(0)") == "connected\n"
        box = up(where, "exec getent hosts v4.test")
        time.sleep(0.2)
        box.terminate()
        assert box.wait(TIMEOUT) == 128 + signal.SIGTERM
        box.communicate()
        assert where.sh("getent hosts v4.test").returncode == 2


# --- the wall clock


@contextlib.contextmanager
def wall_clock(host, start: str):
    """A clock for claudebox alone, not for what it starts; gives a function that sets it."""
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        pytest.skip("libfaketime is not installed")
    setting = host.root / "clock"
    setting.write_text(start)
    host.env.update(LD_PRELOAD=found[0], FAKETIME_TIMESTAMP_FILE=str(setting), FAKETIME_NO_CACHE="1", NO_FAKE_STAT="1",
                    FAKETIME_DONT_FAKE_MONOTONIC="1", FAKETIME_DONT_RESET="1", ASAN_OPTIONS="verify_asan_link_order=0")
    yield setting.write_text
    for name in [name for name in host.env if "FAKE" in name or name in ("LD_PRELOAD", "ASAN_OPTIONS")]:
        del host.env[name]


@pytest.mark.parametrize("before, after", [("+0", "-30d"), ("+30d", "+0"), ("+0", "+400d"), ("-400d", "+0")])
def test_the_clock_is_set_while_a_box_lives(where, before, after):
    """What the box made is found all the same, a stop takes the time that it has, and the record can be read."""
    with wall_clock(where.host, before) as set_clock:
        box = up(where, "while :; do sleep 0.05; done", "trap 'git init -q made; sleep 0.3; exit 9' TERM", network="offline")
        set_clock(after)
        box.terminate()
        said = box.communicate(timeout=TIMEOUT)[1]
        assert box.returncode == 9, said
        assert "made/.git" in said and "new or changed" in said
        assert where.claudebox("log").returncode == 0
        assert where.claudebox("instance", "list").returncode == 0
        assert where.sh("echo fine", network="offline").stdout == "fine\n"
