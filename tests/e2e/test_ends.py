"""How boxes end: exit statuses, signals, stop requests, and kill -9 at any moment (BOX-8, NET-8, REL-1)."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time

import pytest

WAIT = 20.0


def wait_until(condition, timeout=WAIT):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def start(host, body, *options, prepare=":", network="offline", **more):
    """A box whose shell has run `prepare` (traps, background processes) and goes on with `body`."""
    ready = host.project / "ready"
    ready.unlink(missing_ok=True)
    # The home's path is in the script, so that every process of the box, bwrap included, is known by it.
    script = f": {host.home}; {prepare}; touch ready; {body}"
    box = host.popen("run", "--yes", "--network", network, *options, "--", "/bin/sh", "-c", script,
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    wait_until(lambda: ready.exists() or box.poll() is not None)
    assert ready.exists(), box.communicate()[1]
    return box


LOOP = "while :; do sleep 0.05; done"


@pytest.mark.parametrize("network", ["offline", "full"])
def test_exit_status_passes_through(host, network):
    for status in (0, 1, 2, 42, 125, 126, 127, 255):
        assert host.sh(f"exit {status}", network=network).returncode == status


@pytest.mark.parametrize("name", ["TERM", "KILL", "INT", "HUP", "SEGV", "USR1"])
def test_a_signal_is_128_and_its_number(host, name):
    assert host.sh(f"kill -{name} $$").returncode == 128 + getattr(signal, f"SIG{name}")


def test_output_passes_through(host):
    done = host.sh("echo out; echo err >&2")
    assert done.stdout == "out\n"
    assert done.stderr.endswith("err\n")


@pytest.mark.parametrize("name", ["TERM", "HUP"])
def test_a_stop_request_reaches_the_command_first(host, name):
    box = start(host, LOOP, prepare=f"trap 'sleep 0.3; touch tidied; exit 9' {name}")
    box.send_signal(getattr(signal, f"SIG{name}"))
    assert box.wait(WAIT) == 9
    assert (host.project / "tidied").exists()


def test_a_stop_request_wakes_a_stopped_command(host):
    box = start(host, f"kill -STOP $$; {LOOP}", prepare="trap 'exit 9' TERM")
    time.sleep(0.2)
    box.terminate()
    assert box.wait(WAIT) == 9


def test_a_second_stop_request_kills(host):
    box = start(host, LOOP, prepare="trap '' TERM")
    box.terminate()
    time.sleep(0.3)
    assert box.poll() is None, "a stop request must not kill before the grace time is over"
    box.terminate()
    assert box.wait(WAIT) == 128 + signal.SIGTERM


def test_the_grace_time_ends(host):
    box = start(host, LOOP, prepare="trap '' TERM")
    box.terminate()
    assert box.wait(60) == 128 + signal.SIGTERM


@pytest.mark.parametrize("name", ["INT", "QUIT", "USR1", "USR2"])
def test_a_signal_sent_to_claudebox_reaches_the_command(host, name):
    box = start(host, LOOP, prepare=f"trap 'exit 9' {name}")
    box.send_signal(getattr(signal, f"SIG{name}"))
    assert box.wait(WAIT) == 9


def test_background_processes_end_with_the_command(host):
    done = host.sh("setsid sleep 1000 & (sleep 1000 &) ; echo started")
    assert done.returncode == 0
    wait_until(lambda: not host.processes())


@pytest.mark.parametrize("network", ["offline", "full"])
def test_kill_9_of_the_supervisor_leaves_nothing(host, network):
    box = start(host, "sleep 1000", prepare="{ setsid sleep 1000 & }; (setsid sleep 1000 &)", network=network)
    # claudebox, two of bwrap, the shell, and three times sleep
    wait_until(lambda: len(host.processes()) >= 7)
    box.kill()
    box.wait()
    wait_until(lambda: not host.processes())


def test_kill_9_of_any_process_leaves_nothing(host):
    for victim in range(4):  # claudebox, the outer bwrap, the inner one, the command
        box = start(host, "sleep 1000", prepare="{ setsid sleep 1000 & }")
        wait_until(lambda: len(host.processes()) >= 6)
        os.kill(sorted(host.processes())[victim], signal.SIGKILL)
        assert box.wait(WAIT) != 0
        wait_until(lambda: not host.processes())


def test_kill_9_while_starting_leaves_nothing(host):
    """The naive way (bwrap --die-with-parent alone) leaves boxes behind in this window."""
    draw = random.Random(20261124)
    for round_ in range(60):
        box = host.popen("run", "--yes", "--network", draw.choice(["offline", "full"]), "--", "/bin/sh", "-c",
                         f": {host.home}; setsid sleep 1000 & sleep 1000", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0, 0.03))
        box.kill()
        box.wait()
    wait_until(lambda: not host.processes())
    # What was in use is free again, and nothing half-made stands in the way.
    done = host.sh("echo fine")
    assert done.stdout == "fine\n", done.stderr
    assert host.git("status", "--porcelain") == ""


def test_a_command_that_ignores_everything_dies_with_the_terminal(host, terminal):
    terminal.start()
    terminal.wait_for(r"READY\$")
    terminal.line(f"{host.binary} run -y --network offline -- sh -c 'trap \"\" HUP INT; echo up; sleep 1000'")
    terminal.wait_for("^up")
    terminal.close()
    wait_until(lambda: not host.processes(), 30)


# --- the terminal -----------------------------------------------------------------------------------------------


def shell_line(host, command):
    return f"{host.binary} run -y -q --network offline -- {command}"


def test_ctrl_c_is_the_commands_to_decide(host, terminal):
    terminal.start()
    terminal.line(shell_line(host, "sh -c 'trap \"echo caught\" INT; sleep 1; sleep 1; echo went on'") + "; echo =$?=")
    time.sleep(0.7)
    terminal.keys("C-c")
    terminal.wait_for("caught")
    terminal.wait_for("went on")
    terminal.wait_for("^=0=")
    terminal.line(shell_line(host, "sleep 1000") + "; echo =$?=")
    time.sleep(0.7)
    terminal.keys("C-c")
    terminal.wait_for("=130=$")


def test_ctrl_z_and_fg(host, terminal):
    terminal.start()
    terminal.line(shell_line(host, "sh -c 'echo up; sleep 1; sleep 1; sleep 1; echo done'"))
    terminal.wait_for("^up")
    terminal.keys("C-z")
    terminal.wait_for("Stopped")
    terminal.line("echo prompt is back")
    terminal.wait_for("^prompt is back")
    terminal.line("fg")
    terminal.wait_for("^done")


def test_job_control_of_a_shell_in_the_box(host, terminal):
    terminal.start()
    terminal.line(f"{host.binary} shell -y -q --network offline; echo =$?=")
    terminal.line("PS1='BOX> '")
    terminal.wait_for("^BOX>")
    terminal.line("sh -c 'echo sleeps; exec sleep 1000'")
    terminal.wait_for("^sleeps")
    terminal.keys("C-z")
    terminal.wait_for("Stopped")
    terminal.line("kill -9 %1; sleep 1")
    terminal.wait_for("Killed")
    terminal.line("exit 5")
    terminal.wait_for("^=5=")
    # The terminal is the outer shell's again.
    terminal.line("sh -c 'echo reads; exec cat'")
    terminal.wait_for("^reads")
    terminal.keys("C-c")
    terminal.line("echo mine again")
    terminal.wait_for("^mine again")


def test_resize_reaches_the_command(host, terminal):
    terminal.start(columns=100, rows=30)
    terminal.line(shell_line(host, "sh -c 'trap \"stty size\" WINCH; echo up; while :; do sleep 0.1; done'"))
    terminal.wait_for("^up")
    terminal.resize(77, 23)
    terminal.wait_for("^23 77")
    terminal.keys("C-c")


def test_a_raw_terminal_is_given_back(host, terminal):
    """A command that dies in raw mode would leave the shell without echo."""
    terminal.start()
    terminal.line(shell_line(host, "sh -c 'stty raw -echo; kill -9 $$'") + "; echo =$?=")
    terminal.wait_for("^=137=")
    terminal.line("stty -a | tr ' ' '\\n' | grep -x -e -echo -e echo")
    terminal.wait_for("^echo$")


def test_a_pipeline_gets_sigpipe(host):
    done = subprocess.run(["/bin/sh", "-c", shell_line(host, "yes") + " | head -1"], cwd=host.project, env=host.env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.stdout == "y\n"


def test_only_the_standard_descriptors_are_open(host):
    """Whatever the caller left open stays outside."""
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        done = host.run("/bin/sh", "-c", "ls /proc/self/fd", pass_fds=[write])
    finally:
        os.close(read)
        os.close(write)
    # ls itself has the directory open as 3
    assert re.findall(r"\d+", done.stdout) == ["0", "1", "2", "3"]


def disposition(status: str, field: str) -> bool:
    """Whether SIGPIPE is in that set of a /proc/PID/status."""
    return bool(int(re.search(rf"^{field}:\s*([0-9a-f]+)", status, re.MULTILINE)[1], 16) >> signal.SIGPIPE - 1 & 1)


@pytest.mark.parametrize("network", ["offline", "full"])
def test_a_broken_pipe_is_no_end_of_the_supervisor_and_one_of_the_command(host, network):
    """A part of the box, or whoever reads standard error, may be gone when the supervisor writes."""
    box = start(host, f"cat /proc/self/status >status; {LOOP}", network=network)
    try:
        with open(f"/proc/{box.pid}/status") as status:
            assert disposition(status.read(), "SigIgn")
        inside = host.project / "status"
        wait_until(lambda: inside.exists() and "SigIgn" in inside.read_text())
        assert not disposition(inside.read_text(), "SigIgn")
    finally:
        box.terminate()
        box.wait(WAIT)
