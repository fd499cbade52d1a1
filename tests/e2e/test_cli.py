"""The command line: bad input, the question before a start, plan, check, instances, exit statuses.

For bad input the rule is: one clear message with the way out, the status of the product's table, nothing half-made.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import time

import pytest

from conftest import need

UNSHARE = "unshare"


def state(host) -> pathlib.Path:
    return host.home / ".claudebox"


def refused(host, done, status, *words):
    """A start that came to nothing: its status, its message, and no trace."""
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stderr
    assert "claudebox: " in done.stderr
    assert done.stdout == ""
    assert not state(host).exists()


def shell(host, script: str, **more):
    """`script` in a shell of the host, with the program as $BOX."""
    return subprocess.run(["/bin/sh", "-c", script], cwd=host.project, env=dict(host.env, BOX=host.binary), text=True,
                          capture_output=True, timeout=60, **more)


# --- what was typed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, words", [
    (["--netwrk", "full"], ["unknown option '--netwrk'", "did you mean --network?"]),
    (["--model", "opus"], ["unknown option '--model'", "claudebox -- --model"]),
    (["run", "--yess", "true"], ["unknown option '--yess'", "did you mean --yes?"]),
    (["slftest"], ["unknown command 'slftest'", "did you mean 'selftest'?"]),
    (["make", "test"], ["unknown command 'make'", "claudebox run make"]),
    (["instance", "lst"], ["unknown command 'lst'", "did you mean 'list'?"]),
    (["--profile", "web"], ["there is no profile 'web'", "claudebox profile new web"]),
    (["--package", "a;b"], ["--package a;b", "can't be the name of a package"]),
    (["--network", "offlin"], ["unknown network tier 'offlin'", "did you mean offline?"]),
    (["--network", "allowlist"], ["nothing is named", "--allow HOST"]),
    (["--allow", "example.org"], ["internet already reaches every public host", "--network allowlist"]),
    (["--network", "full", "--allow", "example.org"], ["full already reaches everything", "--network allowlist"]),
    (["--network", "allowlist", "--allow", "https://example.org/x"], ["is no name of a host", "--allow example.org"]),
    (["--network", "allowlist", "--allow", "10.0.0.5"], ["is no name of a host", "--lan opens an address"]),
    (["--network", "offline", "--lan", "10.0.0.5"], ["offline reaches nothing"]),
    (["--lan", "127.0.0.1:5432"], ["is loopback", "--reach PORT"]),
    (["--lan", "0.0.0.0/0"], ["too wide"]),
    (["--lan", "169.254.169.254"], ["cloud metadata", "nothing opens it"]),
    (["--lan", "192.168.1"], ["neither an address nor a name"]),
    (["--publish", "127.0.0.1:80:80"], ["--publish [HOSTPORT:]PORT"]),
    (["--publish", "8080:80", "--publish", "8080:81"], ["port 8080 of this machine is published already"]),
    (["--publish", "8080:80", "--reach", "80"], ["port 80 of the box"]),
    (["--network", "full", "--reach", "80"], ["shares the host's network already"]),
    (["run", "--network", "offline"], ["no command to run"]),
    (["--network", "offline", "--mount", "/a:b"], ["--mount /a:b", "absolute path"]),
    (["--network", "offline", "--env", "A-B=secret"], ["'A-B' is no name"]),
    (["--network", "offline", "--instance", "a/b"], ["not a name for an instance"]),
    (["run", "--network", "offline", "--json", "true"], ["--json", "--dry-run"]),
])
def test_bad_usage(host, arguments, words):
    done = host.box(*arguments)
    refused(host, done, 2, *words)
    assert "secret" not in done.stderr


def test_all_that_is_wrong_is_said_at_once(host):
    done = host.box("--network", "x", "--mount", ":", "--env", "1=")
    refused(host, done, 2, "unknown network tier", "--mount :", "is no name")


def test_nothing_from_outside_reaches_the_terminal_raw(host):
    done = host.box("run", "--network", "offline", "--yes", "\x1b[31mevil\nhint: trust me")
    assert done.returncode == 127
    assert "\x1b" not in done.stderr
    assert "\nhint: trust me" not in done.stderr
    done = host.box("\x1b]0;title\x07")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("project, words", [
    ("/", ["/ can't be the project"]),
    ("/usr", ["belongs to the system"]),
    ("/var/tmp", ["can't be the project: "]),
    ("/nonexistent/project", ["no such project directory"]),
    ("~", ["it is your home directory"]),
    ("~/.ssh", ["acts on your host"]),
    ("HOME/..", ["your home directory lies in it"]),
    ("HOME/project/README", ["no such project directory"]),
])
def test_what_may_not_be_a_project(host, project, words):
    (host.home / ".ssh").mkdir()
    done = host.box("run", "--yes", "--network", "offline", "--project", project.replace("HOME", str(host.home)), "true")
    refused(host, done, 2, *words)


def test_a_current_directory_that_is_gone(host):
    (host.home / "gone").mkdir()
    done = shell(host, 'cd ../gone && rmdir ../gone && exec "$BOX" run --yes --network offline true')
    refused(host, done, 125, "the current directory is gone")


def test_a_command_that_is_not_there(host):
    refused(host, host.run("no-such-command"), 127, "command not found in the box: no-such-command", "hint: ")
    refused(host, host.run("./no-such-file"), 127, "no-such-file")


def test_a_command_that_the_host_has_and_the_box_has_not(host):
    tool = host.write("tools/mytool", "#!/bin/sh\n", 0o755)
    host.env["PATH"] = f"{tool.parent}:{host.env['PATH']}"
    done = host.run(str(tool))
    if done.returncode != 0:
        refused(host, done, 127, "--mount")


def test_a_command_that_can_not_be_executed(host):
    (host.project / "script").write_text("echo hello\n")
    refused(host, host.run("./script"), 126, "can't execute", "chmod +x")
    (host.project / "script").write_text("#!/no/such/interpreter\n")
    (host.project / "script").chmod(0o755)
    refused(host, host.run("./script"), 126, "interpreter /no/such/interpreter")


def test_a_directory_is_no_command(host):
    (host.project / "directory").mkdir()
    refused(host, host.run("./directory"), 126, "can't execute")


def test_no_agent(host):
    host.env["PATH"] = "/usr/bin:/bin"
    done = host.box("--yes", "--network", "offline")
    refused(host, done, 127, "no agent found", "npm install -g @anthropic-ai/claude-code")


def test_the_default_tier_is_internet_and_no_other_one_is_taken_instead(host):
    plan = host.box("plan", "--json", "--", "true")
    if plan.returncode == 0:
        assert json.loads(plan.stdout)["network"]["tier"] == "internet"
        assert json.loads(plan.stdout)["network"]["origin"]["source"] == "default"
    (host.home / "empty").mkdir()
    hidden = subprocess.run(["bwrap", "--dev-bind", "/", "/", "--ro-bind", "/dev/null", "/dev/net/tun", "--tmpfs", "/dev/net",
                             host.binary, "run", "--yes", "true"], cwd=host.project, env=host.env, text=True,
                            capture_output=True, timeout=60)
    refused(host, hidden, 125, "the tier internet needs", "--network offline")


def test_a_mount_source_that_is_not_there(host):
    refused(host, host.run("true", options=("--mount", "/no/such/source")), 125, "mount source is not there",
            "/no/such/source")


def test_failures_of_commands_that_run_nothing_are_1(host):
    for arguments in (["plan", "--network", "offline", "--", "no-such-command"],
                      ["run", "--dry-run", "--network", "offline", "no-such-command"],
                      ["plan", "--network", "offline", "--mount", "/no/such/source", "--", "true"],
                      ["instance", "show", "0123"], ["instance", "rm", "0123"], ["instance", "show"]):
        done = host.box(*arguments)
        refused(host, done, 1)


@pytest.mark.ordinary_user
def test_an_unreadable_home(host):
    try:
        host.home.chmod(0)
        done = host.run("true", cwd="/var/tmp")
    finally:
        host.home.chmod(0o755)
    refused(host, done, done.returncode, "hint: ")
    assert done.returncode in (2, 125)


def test_a_home_that_is_not_there(host):
    host.env["HOME"] = str(host.root / "nowhere")
    done = host.run("true")
    assert done.returncode == 125
    assert "your home directory" in done.stderr and "hint: set HOME" in done.stderr
    assert not (host.root / "nowhere").exists()


# --- no terminal, closed streams -----------------------------------------------------------------------------------


def test_without_a_terminal_nothing_starts(host):
    done = host.box("run", "--network", "offline", "touch", "started", start_new_session=True)
    refused(host, done, 125, "there is no terminal to ask on", "--yes")
    assert not (host.project / "started").exists()


@pytest.mark.parametrize("value, starts", [("1", True), ("0", False), ("true", False), ("", False)])
def test_yes_from_the_environment(host, value, starts):
    host.env["CLAUDEBOX_YES"] = value
    done = host.box("run", "--network", "offline", "true", start_new_session=True)
    assert (done.returncode == 0) == starts, done.stderr


def test_the_tier_from_the_environment_and_the_flag_over_it(host):
    host.env["CLAUDEBOX_NETWORK"] = "offline"
    assert host.box("run", "--yes", "true").returncode == 0
    plan = json.loads(host.box("plan", "--json", "--network", "full", "--", "true").stdout)
    assert "full" in json.dumps(plan["network"])


def test_a_closed_standard_input(host):
    done = shell(host, '"$BOX" run --yes --network offline -- sh -c "cat; echo read; ls /proc/self/fd" <&-')
    assert done.returncode == 0, done.stderr
    assert "standard input is closed" in done.stderr
    # ls itself opens one more.
    assert done.stdout.split() == ["read", "0", "1", "2", "3"]


def test_a_closed_standard_output(host):
    done = shell(host, '"$BOX" run --yes --network offline -- sh -c "echo lost; exit 7" >&-')
    assert done.returncode == 7
    assert "standard output is closed" in done.stderr
    for arguments in ("plan --network offline -- true", "check", "instance list", "--help", "--version", "completion bash"):
        done = shell(host, f'"$BOX" {arguments} >&-')
        assert done.returncode in (1, 2), arguments
        assert "standard output is closed" in done.stderr, arguments


def test_a_closed_standard_error(host):
    done = shell(host, '"$BOX" run --yes --network offline -- sh -c "echo out; exit 7" 2>&-')
    assert (done.returncode, done.stdout) == (7, "out\n")
    # No file of claudebox's own may have got the number of the closed one and the message in it.
    done = shell(host, '"$BOX" --no-such-option 2>&-; echo $?; grep -rl no-such-option "$HOME" || true')
    assert done.stdout == "2\n"


def test_all_streams_closed(host):
    done = shell(host, '"$BOX" run --yes --network offline -- touch ran <&- >&- 2>&-; test -e ran')
    assert done.returncode == 0


def test_a_full_standard_output(host):
    done = shell(host, '"$BOX" plan --network offline -- true >/dev/full')
    assert done.returncode == 1
    assert "can't write to standard output: No space left on device" in done.stderr


def test_a_reader_that_goes_away(host):
    done = shell(host, '{ "$BOX" plan --network offline -- true; echo "status $?" >&2; } | true')
    assert re.fullmatch(r"status (0|141)\n", done.stderr)


def test_the_status_gets_through_though_nobody_reads_the_messages(host):
    box = host.popen("run", "--yes", "--network", "offline", "--", "sh", "-c",
                     "touch up; while ! test -e go; do sleep 0.02; done; mkdir -p .vscode; touch .envrc; exit 9",
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not (host.project / "up").exists():
        assert box.poll() is None
        time.sleep(0.02)
    box.stderr.close()
    (host.project / "go").touch()
    assert box.wait(30) == 9


# --- the question --------------------------------------------------------------------------------------------------


class Session:
    """An interactive shell in a terminal, with $BOX."""

    def __init__(self, terminal, host, columns=100):
        self.terminal = terminal
        self.number = 0
        host.env["BOX"] = host.binary
        terminal.start(columns=columns, rows=45)
        terminal.wait_for(r"READY\$ ?$")

    def start(self, line):
        self.number += 1
        self.terminal.line(f"clear; echo BEGIN-{self.number}; {line}; echo STATUS-{self.number}=$?")
        # So that nothing on the screen is left from the start before.
        self.terminal.wait_for(rf"^BEGIN-{self.number}$")

    def status(self):
        return int(self.terminal.wait_for(rf"^STATUS-{self.number}=(\d+)")[1])

    def screen(self):
        return self.terminal.screen(history=200)


@pytest.fixture
def session(terminal, host):
    return Session(terminal, host)


QUESTION = r"Proceed\? \[Y/n\]"


@pytest.mark.parametrize("answer", [["Enter"], ["y", "Enter"], ["Y", "Enter"]])
def test_yes_starts(host, session, answer):
    session.start('"$BOX" run --network offline sh -c "exit 7"')
    session.terminal.wait_for(QUESTION)
    assert not state(host).exists()
    session.terminal.keys(*answer)
    assert session.status() == 7


@pytest.mark.parametrize("answer", [["n", "Enter"], ["C-d"]])
def test_no_starts_nothing(host, session, answer):
    session.start('"$BOX" run --network offline touch started')
    session.terminal.wait_for(QUESTION)
    session.terminal.keys(*answer)
    assert session.status() == 125
    assert "Nothing was started" in session.screen()
    assert not (host.project / "started").exists()
    assert not state(host).exists()


def test_ctrl_c_at_the_question(host, session):
    session.start('"$BOX" run --network offline touch started')
    session.terminal.wait_for(QUESTION)
    session.terminal.keys("C-c")
    assert session.status() == 130
    assert not (host.project / "started").exists()
    assert not state(host).exists()


def test_an_unclear_answer_is_asked_again(session):
    session.start('"$BOX" run --network offline true')
    session.terminal.wait_for(QUESTION)
    session.terminal.line("perhaps")
    session.terminal.wait_for(r"answer y or n")
    session.terminal.wait_for(QUESTION + r"\s*\Z")
    session.terminal.line("n")
    assert session.status() == 125


def test_typing_ahead_is_no_answer(host, session):
    # The second Enter was pressed before anybody could have read the question.
    session.start('sleep 0.5; "$BOX" run --network offline true')
    session.terminal.keys("Enter")
    session.terminal.wait_for(QUESTION)
    time.sleep(0.3)
    assert "STATUS-1=" not in re.sub(r"echo STATUS-1=", "", session.screen())
    session.terminal.line("n")
    assert session.status() == 125


def test_what_was_approved_is_not_asked_again(host, session):
    session.start('"$BOX" run --network offline true')
    session.terminal.wait_for(QUESTION)
    session.terminal.line("y")
    assert session.status() == 0

    session.start('"$BOX" run --network offline true')
    assert session.status() == 0
    again = session.screen()
    assert "Proceed?" not in again
    talk = [line for line in again.splitlines() if line.strip() and not re.match(r"BEGIN|STATUS|READY", line)]
    assert len(talk) == 2, again
    assert "network offline" in talk[0] and "as approved" in talk[0] and "claudebox plan shows all" in talk[1], again

    data = host.home / "data"
    data.mkdir()
    session.start('"$BOX" run --network offline --mount ~/data:rw true')
    session.terminal.wait_for(QUESTION)
    changed = session.screen()
    # The difference and why it matters, not the whole page.
    difference = changed[changed.rindex("changed since you approved it"):]
    assert re.search(r"^▲ \+ mount rw .*/data\n +writable outside the project$", difference, re.MULTILINE), changed
    assert re.search(r"network offline · changed\n.*▲ 1 sensitive", difference), changed
    assert "environment" not in difference and difference.count("+") == 1, changed
    session.terminal.line("n")
    assert session.status() == 125

    # What was declined is not approved, and what was approved still is.
    session.start('"$BOX" run --network offline --mount ~/data:rw true')
    session.terminal.wait_for(QUESTION)
    session.terminal.line("n")
    assert session.status() == 125
    session.start('"$BOX" run --network offline true')
    assert session.status() == 0
    assert "Proceed?" not in session.screen()


def test_yes_by_flag_is_no_approval(host, session):
    session.start('"$BOX" run --yes --network offline true')
    assert session.status() == 0
    session.start('"$BOX" run --network offline true')
    session.terminal.wait_for(QUESTION)
    session.terminal.line("n")
    assert session.status() == 125


def test_the_question_is_asked_though_standard_input_is_a_pipe(host, session):
    session.start('echo data | "$BOX" run --network offline cat')
    session.terminal.wait_for(QUESTION)
    session.terminal.line("y")
    assert session.status() == 0
    assert re.search(r"^data$", session.screen(), re.MULTILINE)


def test_where_nobody_sees_the_audit_nobody_is_asked(host, session):
    session.start('"$BOX" run --network offline true 2>messages')
    assert session.status() == 125
    assert "there is no terminal to ask on" in (host.project / "messages").read_text()


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_a_narrow_terminal(host, terminal, columns):
    session = Session(terminal, host, columns)
    host.write(".config/x", "")
    session.start('"$BOX" run --network offline true')
    terminal.wait_for(QUESTION)
    terminal.line("y")
    assert session.status() == 0


def test_colours(host, session):
    session.start('"$BOX" run --network full true')
    session.terminal.wait_for(QUESTION)
    raw = session.terminal._run("capture-pane", "-p", "-e", "-S", "-200")
    assert "\x1b[3" in raw or "\x1b[1" in raw
    session.terminal.line("n")
    session.status()
    session.start('NO_COLOR=1 "$BOX" run --network full true')
    session.terminal.wait_for(QUESTION)
    raw = session.terminal._run("capture-pane", "-p", "-e", "-S", "-200")
    assert "\x1b[" not in raw
    session.terminal.line("n")
    session.status()


# --- plan ----------------------------------------------------------------------------------------------------------


def test_plan_shows_everything_and_creates_nothing(host):
    before = sorted(host.home.rglob("*"))
    done = host.box("plan", "--network", "full", "--explain", "--", "true")
    assert done.returncode == 0 and done.stderr == ""
    assert "~/project" in done.stdout and "bwrap" in done.stdout and "--unshare-user" in done.stdout
    assert sorted(host.home.rglob("*")) == before


def test_dry_run_is_plan(host):
    plan = host.box("plan", "--network", "offline", "--json", "--", "sh", "-c", "exit 3")
    dry = host.box("run", "--dry-run", "--network", "offline", "--json", "--", "sh", "-c", "exit 3")
    assert plan.returncode == dry.returncode == 0
    assert json.loads(plan.stdout) == json.loads(dry.stdout)
    assert isinstance(json.loads(plan.stdout)["schema"], int)
    assert not state(host).exists()


def test_the_printed_command_makes_the_same_box(host):
    command = host.box("plan", "--quiet", "--network", "full", "--", "sh", "-c", "id -u; pwd; ls -A ~/; exit 7").stdout
    host.run("true", network="full")  # the instance, which a plan does not make
    host.git("status", "--porcelain")
    pasted = subprocess.run(["/bin/bash", "-c", command], cwd=host.project, env=host.env, stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=60)
    run = host.run("sh", "-c", "id -u; pwd; ls -A ~/; exit 7", network="full")
    assert pasted.returncode == 7, pasted.stderr
    assert pasted.stdout == run.stdout


def test_verbose_and_quiet(host):
    done = host.run("true", options=("--verbose",))
    assert "--unshare-user" in done.stderr
    done = host.run("true", options=("--quiet",))
    assert done.stderr == ""


def test_timings(host):
    done = host.run("true", options=("--quiet", "--timings"))
    assert done.stderr.startswith("claudebox: planning ")
    stages = re.findall(r"(?:: |, )([a-z ]+) [\d.]+ ms", done.stderr)
    assert stages == ["planning", "audit", "instance", "state", "protections", "namespaces", "box"]


# --- instances -----------------------------------------------------------------------------------------------------


def hold(host, *options):
    """A box that lives until its standard input ends."""
    ready = host.project / "ready"
    ready.unlink(missing_ok=True)
    box = host.popen("run", "--yes", "--network", "offline", *options, "--", "sh", "-c", "touch ready; cat",
                     stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not ready.exists():
        assert box.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    return box


def test_a_second_start_says_who_holds_the_instance(host):
    first = hold(host)
    try:
        done = host.run("true")
        assert done.returncode == 125
        assert f"process {first.pid} since 20" in done.stderr
        assert str(host.project) in done.stderr
        for way in ("--instance NAME", "--force", f"kill {first.pid}"):
            assert way in done.stderr
        assert host.run("true", options=("--instance", "second")).returncode == 0
        assert host.run("true", options=("--force",)).returncode == 0
        assert first.poll() is None
        listed = json.loads(host.box("instance", "list", "--json").stdout)["instances"]
        assert sorted(entry["live"] for entry in listed) == [False, True]
        shown = json.loads(host.box("instance", "show", "--json").stdout)
        assert [holder["pid"] for holder in shown["holders"]] == [first.pid]
        assert f"process {first.pid}" in host.box("instance", "show").stdout
        removal = host.box("instance", "rm", shown["id"])
        assert removal.returncode == 1 and len(host.instances()) == 2
    finally:
        first.communicate("")
    assert host.run("true").returncode == 0


def test_a_dead_holder_holds_nothing(host):
    first = hold(host)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert host.run("true").returncode == 0


def test_instance_commands(host):
    assert host.box("instance", "list").returncode == 0
    host.run("true")
    path = host.box("instance", "path").stdout.strip()
    assert pathlib.Path(path).parent == state(host) / "instances"
    identity = pathlib.Path(path).name
    assert identity in host.box("instance", "list").stdout
    assert host.box("instance", "path", identity[:4]).stdout.strip() == path
    assert str(host.project) in host.box("instance", "show", identity).stdout
    assert host.box("instance", "path", "--project", host.project, cwd="/").stdout.strip() == path
    assert host.box("__complete", "instances").stdout.split("\t")[0] == identity
    done = host.box("instance", "rm", identity)
    assert done.returncode == 0 and host.instances() == []


def test_gc(host):
    other = host.repository(host.home / "other")
    host.run("true")
    host.run("true", cwd=other)
    os.rename(other, host.root / "moved-away")
    would = host.box("instance", "gc", "--dry-run")
    assert would.returncode == 0 and "would remove" in would.stdout and str(other) in would.stdout
    assert len(host.instances()) == 2
    done = host.box("--gc")
    assert done.returncode == 0 and "1 instance" in done.stdout
    assert [p.name for p in host.instances()] == [pathlib.Path(host.box("instance", "path").stdout.strip()).name]


def test_a_relative_state_directory_is_refused(host):
    host.env["CLAUDEBOX_HOME"] = "state"
    for arguments in (["run", "--yes", "--network", "offline", "true"], ["instance", "list"]):
        done = host.box(*arguments)
        assert done.returncode == 2 and "CLAUDEBOX_HOME is not an absolute path" in done.stderr
    host.env["CLAUDEBOX_HOME"] = str(host.root / "state")
    assert host.run("true").returncode == 0
    assert (host.root / "state/instances").is_dir() and not state(host).exists()


# --- machines that are not ready -----------------------------------------------------------------------------------


def in_user_namespace(host, setup: str, *arguments: str, **more):
    """claudebox where it is uid 0 of a user namespace of its own, after `setup`."""
    need(UNSHARE)
    script = f'{setup}\nexec "$0" "$@"'
    return subprocess.run([UNSHARE, "--user", "--map-root-user", "--mount", "/bin/sh", "-ec", script, host.binary,
                           *arguments], cwd=host.project, env=host.env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, **more)


RUN = ("run", "--yes", "--quiet", "--network", "offline", "--", "touch", "started")


def test_user_namespaces_off(host):
    off = "echo 0 > /proc/sys/user/max_user_namespaces"
    done = in_user_namespace(host, off, *RUN)
    assert done.returncode == 125
    assert "can't make a user namespace" in done.stderr
    assert "user.max_user_namespaces is 0" in done.stderr
    assert "sysctl -w user.max_user_namespaces=" in done.stderr
    assert not (host.project / "started").exists()
    checked = in_user_namespace(host, off, "check", "--json")
    assert checked.returncode == 1
    report = json.loads(checked.stdout)
    part = next(part for part in report["parts"] if part["name"] == "user-namespaces")
    assert not report["ready"] and part["required"] and part["state"] == "bad" and part["remedy"]


def test_bwrap_missing(host):
    # A bind of something that is no program hides the real one, wherever PATH leads.
    hidden = "for b in $(which -a bwrap) /usr/bin/bwrap; do mount --bind /dev/null \"$b\"; done"
    done = in_user_namespace(host, hidden, *RUN)
    refused(host, done, 125, "bubblewrap", "bwrap is not on your PATH", "install")
    checked = in_user_namespace(host, hidden, "check")
    assert checked.returncode == 1
    assert re.search(r"missing\s+bubblewrap", checked.stdout) and "not ready" in checked.stdout


OLD_BWRAP = """#!/bin/sh
case "$1" in
--version) echo bubblewrap 0.4.1 ;;
--help) echo '    --args FD    --bind SRC DEST    --json-status-fd FD    --ro-bind-data FD DEST    --seccomp FD' ;;
*) echo 'bwrap: Unknown option --disable-userns' >&2; exit 1 ;;
esac
"""


def test_bwrap_too_old(host):
    host.write(".local/bin/bwrap", OLD_BWRAP, 0o755)
    done = host.box(*RUN)
    assert done.returncode == 125
    assert "bubblewrap 0.4.1" in done.stderr and "too old" in done.stderr and "--disable-userns" in done.stderr
    assert "0.8.0 or later is needed" in done.stderr
    assert not (host.project / "started").exists()
    checked = host.box("check")
    assert checked.returncode == 1 and "too old" in checked.stdout


def test_check_on_a_ready_machine(host):
    done = host.box("check")
    assert done.returncode == 0, done.stdout
    assert "This machine is ready." in done.stdout
    report = json.loads(host.box("--check", "--json").stdout)
    assert report["schema"] == 1 and report["ready"]
    names = {part["name"]: part for part in report["parts"]}
    assert set(names) >= {"user-namespaces", "bwrap", "seccomp", "slirp4netns", "tun", "git", "nix", "agent", "terminal",
                          "landlock"}
    assert re.fullmatch(r"\d+\.\d+.*", names["bwrap"]["version"])


# --- help and shells -----------------------------------------------------------------------------------------------


def test_help_and_version(host):
    assert re.fullmatch(r"claudebox \d+\.\d+\.\d+\n", host.box("--version").stdout)
    short, long = host.box("-h"), host.box("--help")
    assert short.returncode == long.returncode == 0
    assert len(short.stdout) < len(long.stdout) and "--network" in short.stdout and "EXIT STATUS" in long.stdout
    assert host.box("help", "instance", "rm").stdout == host.box("instance", "rm", "--help").stdout
    assert host.box("help", "nothing").returncode == 2
    # Also where nothing is known of the user.
    assert host.box("--help", env={}).stdout == long.stdout


def test_bash_completes_in_a_terminal(host, session):
    (host.home / ".local/bin/claudebox").symlink_to(host.binary)
    host.run("true")
    identity = host.instances()[0].name
    terminal = session.terminal
    terminal.line('clear; source <(claudebox completion bash); complete -p claudebox')
    terminal.wait_for(r"complete -F _claudebox claudebox")
    terminal.type("claudebox inst")
    terminal.keys("Tab")
    terminal.type("sh")
    terminal.keys("Tab")
    terminal.type(identity[:3])
    terminal.keys("Tab")
    terminal.wait_for(rf"claudebox instance show {identity}")
    terminal.keys("C-u")
    terminal.type("claudebox --network off")
    terminal.keys("Tab")
    terminal.wait_for(r"claudebox --network offline")


def test_zsh_completes_in_a_terminal(host, terminal):
    (host.home / ".local/bin/claudebox").symlink_to(host.binary)
    host.run("true")
    identity = host.instances()[0].name
    terminal.start(need("zsh"), "-f")
    terminal.line("PS1='READY$ '; autoload -Uz compinit && compinit -u -D && source <(claudebox completion zsh)")
    terminal.line("echo defined $_comps[claudebox]")
    terminal.wait_for(r"^defined _claudebox")
    for typed, completed in [("claudebox inst", "claudebox instance"), (f"claudebox instance rm {identity[:2]}", identity),
                             ("claudebox --network off", "--network offline"), ("claudebox --net", "--network="),
                             ("claudebox --network full completion f", "completion fish"),
                             ("claudebox run --netw", "run --network="), ("claudebox run -y ech", "run -y echo"),
                             ("claudebox run -- ech", "run -- echo"),
                             ("claudebox run -y git --vers", "run -y git --version"), ("claudebox -- READ", "claudebox -- README")]:
        terminal.keys("C-u")
        terminal.line("clear")
        terminal.type(typed)
        terminal.keys("Tab")
        terminal.wait_for(re.escape(completed))


def test_the_filter_is_written_as_bytes(host):
    done = host.box("__seccomp-filter", text=False)
    assert done.returncode == 0
    # struct sock_filter has eight bytes.
    assert len(done.stdout) > 80 and len(done.stdout) % 8 == 0


# --- what passes through -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 1", 1), ("exit 125", 125), ("kill -TERM $$", 143),
                                            ("kill -KILL $$", 137)])
def test_exit_statuses(host, script, status):
    assert host.sh(script).returncode == status


def test_options_of_the_command_are_the_commands(host):
    done = host.box("run", "--yes", "--network", "offline", "echo", "--network", "full", "--help", "--", "-q")
    assert done.stdout == "--network full --help -- -q\n"


def test_the_agent_gets_what_follows_the_dashes(host):
    host.write(".local/bin/claude", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n", 0o755)
    done = host.box("--yes", "--network", "offline", "--", "--network", "full", "instance", "list", "a b")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-5:] == ["--network", "full", "instance", "list", "a b"]


def test_signals_sent_to_claudebox_reach_the_command(host):
    box = hold(host)
    box.send_signal(signal.SIGTERM)
    assert box.wait(30) == 128 + signal.SIGTERM
