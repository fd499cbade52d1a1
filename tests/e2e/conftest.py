"""The harness of the end-to-end tests: a host of its own for every test, and the built binary run on it.

Nothing here uses the caller's home, environment or logins: a test's host is a temporary home, an environment made
from nothing, and a git repository as the project. Works as root and as an ordinary user.

Environment:
  CLAUDEBOX_BINARY        the program under test; default: build/release/claudebox, else build/dev/claudebox
  CLAUDEBOX_MUST_WORK=1   a skip is a failure (in CI)
  CLAUDEBOX_TEST_CLAUDE   a Claude Code program to test with; default: what script/fetch-agent gives
"""

from __future__ import annotations

import itertools
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from api_double import ApiDouble

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 60.0


# --- skips, root and ordinary users --------------------------------------------------------------------------------


def pytest_configure(config):
    config.addinivalue_line("markers", "root: only means something as uid 0")
    config.addinivalue_line("markers", "ordinary_user: only means something as another uid")


def pytest_collection_modifyitems(config, items):
    """What belongs to the other kind of user is deselected, not skipped: the suite is run as both."""
    other = "ordinary_user" if os.getuid() == 0 else "root"
    gone = [item for item in items if item.get_closest_marker(other)]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CLAUDEBOX_MUST_WORK") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where everything must work: {report.longrepr}"


def need(program: str) -> str:
    """The path of a program of this machine that a test needs, else a skip that says so."""
    found = shutil.which(program, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    if not found:
        pytest.skip(f"{program} is not installed")
    return found


# --- the program under test ----------------------------------------------------------------------------------------


def find_binary() -> str:
    given = os.environ.get("CLAUDEBOX_BINARY")
    candidates = [given] if given else [SOURCE / "build" / preset / "claudebox" for preset in ("release", "dev")]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return os.path.abspath(candidate)
    raise pytest.UsageError(f"no claudebox to test at {candidates[0]}: build it, or set CLAUDEBOX_BINARY")


@pytest.fixture(scope="session")
def binary() -> str:
    return find_binary()


# --- a host of its own ---------------------------------------------------------------------------------------------


class Host:
    """A temporary home, an environment and a project. `env` may be changed by a test before it runs anything."""

    def __init__(self, root: pathlib.Path, binary: str):
        self.root = root
        self.binary = binary
        self.home = root / "home"
        self.project = self.home / "project"
        self.home.mkdir(parents=True)
        (self.home / ".local/bin").mkdir(parents=True)
        user = pwd.getpwuid(os.getuid()).pw_name
        self.env = {
            "HOME": str(self.home),
            "USER": user,
            "LOGNAME": user,
            "PATH": f"{self.home}/.local/bin:/usr/local/bin:/usr/bin:/bin",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }
        (self.home / ".gitconfig").write_text("[user]\n\tname = Test Person\n\temail = person@example.org\n")
        self.repository(self.project)

    def repository(self, path: pathlib.Path) -> pathlib.Path:
        """A git repository with one commit."""
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", cwd=path)
        (path / "README").write_text("A project.\n")
        self.git("add", ".", cwd=path)
        self.git("commit", "-q", "-m", "First", cwd=path)
        return path

    def git(self, *args: str, cwd: pathlib.Path | None = None) -> str:
        done = subprocess.run(["git", *args], cwd=cwd or self.project, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=TIMEOUT)
        assert done.returncode == 0, f"git {args}: {done.stderr}"
        return done.stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> pathlib.Path:
        """A file below the home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def plant_secrets(self) -> dict[str, str]:
        """Things that no box may see, each with a word that is in no other place. Obviously fake."""
        words = {name: f"FAKE-{name}-{os.urandom(6).hex()}" for name in ("ssh", "aws", "netrc", "variable", "other")}
        self.write(".ssh/id_ed25519", f"{words['ssh']}\n", 0o600)
        self.write(".aws/credentials", f"{words['aws']}\n", 0o600)
        self.write(".netrc", f"{words['netrc']}\n", 0o600)
        self.write("other-project/notes", f"{words['other']}\n")
        self.env["SECRET_FOR_TESTS"] = words["variable"]
        return words

    def popen(self, *args: str, cwd=None, env=None, **options) -> subprocess.Popen:
        """claudebox with `args`, running. The caller ends it."""
        return subprocess.Popen([self.binary, *args], cwd=cwd or self.project, env=env or self.env, **options)

    def box(self, *args: str, cwd=None, env=None, timeout: float = TIMEOUT, text: bool = True,
            **options) -> subprocess.CompletedProcess:
        """claudebox with `args`, to its end. Without a terminal, so it asks nothing."""
        options.setdefault("stdin", subprocess.DEVNULL)
        if "stdout" not in options and "stderr" not in options:
            options["capture_output"] = True
        return subprocess.run([self.binary, *map(str, args)], cwd=cwd or self.project, env=env or self.env,
                              timeout=timeout, text=text, **options)

    def run(self, *command: str, network: str = "offline", options: tuple[str, ...] = (),
            **more) -> subprocess.CompletedProcess:
        """A command in the box."""
        return self.box("run", "--yes", "--network", network, *options, "--", *command, **more)

    def sh(self, script: str, **more) -> subprocess.CompletedProcess:
        """A shell script in the box."""
        return self.run("/bin/sh", "-c", script, **more)

    def instances(self) -> list[pathlib.Path]:
        directory = self.home / ".claudebox/instances"
        return sorted(p for p in directory.iterdir() if re.fullmatch(r"[0-9a-f]{16}(-.+)?", p.name)) \
            if directory.is_dir() else []

    def processes(self) -> dict[int, str]:
        """Living processes of this host and its boxes: their HOME or their command names this test's home."""
        found = {}
        mark = os.fsencode(str(self.home))
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                environment = pathlib.Path("/proc", entry, "environ").read_bytes().split(b"\0")
                command = pathlib.Path("/proc", entry, "cmdline").read_bytes()
            except OSError:
                continue  # ended meanwhile, or somebody else's
            if b"HOME=" + mark in environment or mark in command:
                found[int(entry)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
        return found

    def close(self) -> dict[int, str]:
        """Ends what is left and says what that was."""
        deadline = time.monotonic() + 15  # a box that was asked to end has ten seconds
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return left


@pytest.fixture
def host(tmp_path, binary):
    """A host of its own. Fails a test that leaves a process behind."""
    made = Host(tmp_path, binary)
    yield made
    left = made.close()
    assert not left, f"processes left behind: {left}"


@pytest.fixture
def box(host):
    """box(*args): claudebox on the test's host; see Host.box."""
    return host.box


# --- a terminal ----------------------------------------------------------------------------------------------------


class Terminal:
    """A real terminal, by tmux with a server of its own. Keys by tmux's names: "Enter", "C-c", "C-z"."""

    _numbers = itertools.count()

    def __init__(self, host: Host):
        self.host = host
        self.tmux = need("tmux")
        # A socket's path has to fit in 107 bytes, so not below pytest's directories.
        self.directory = tempfile.mkdtemp(prefix="cbx-")
        self.name = f"claudebox-{os.getpid()}-{next(self._numbers)}"
        self.started = False

    def _run(self, *args: str, check: bool = True) -> str:
        env = dict(self.host.env, TMUX_TMPDIR=self.directory)
        done = subprocess.run([self.tmux, "-L", self.name, "-f", "/dev/null", *args], env=env,
                              cwd=self.host.project, capture_output=True, text=True, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"tmux {args}: {done.stderr}"
        return done.stdout

    def start(self, *command: str, columns: int = 100, rows: int = 30, cwd: str | os.PathLike | None = None) -> None:
        """Starts `command`; without one an interactive bash whose prompt is "READY$ "."""
        if not command:
            command = ("/bin/bash", "--norc", "--noprofile", "-i")
        self._run("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(cwd or self.host.project),
                  "env", "PS1=READY$ ", *command)
        self._run("set-option", "-g", "remain-on-exit", "on")
        self.started = True

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", "--", text)

    def keys(self, *names: str) -> None:
        self._run("send-keys", *names)

    def line(self, text: str) -> None:
        self.type(text)
        self.keys("Enter")

    def screen(self, history: int = 0) -> str:
        """What is on the screen, and up to `history` lines that have scrolled off it."""
        text = self._run("capture-pane", "-p", "-J", "-S", str(-history))
        return "\n".join(line.rstrip() for line in text.split("\n"))

    def resize(self, columns: int, rows: int) -> None:
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def sees(self, pattern: str, timeout: float, history: int = 200) -> re.Match | None:
        """What `pattern` (a regular expression over lines) finds on the screen within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.screen(history), re.MULTILINE)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def wait_for(self, pattern: str, timeout: float = 30.0, history: int = 200) -> re.Match:
        """The same, where it has to be there."""
        found = self.sees(pattern, timeout, history)
        if not found:
            pytest.fail(f"waited {timeout} s for {pattern!r} on this screen:\n{self.screen(history)}")
        return found

    def close(self) -> None:
        if self.started:
            self._run("kill-server", check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture
def terminal(host):
    made = Terminal(host)
    yield made
    made.close()


# --- the agent -----------------------------------------------------------------------------------------------------


def fetch_agent(name: str) -> str:
    """A real agent's program on this machine, from npm, at the version that script/fetch-agent pins."""
    fetched = subprocess.run([SOURCE / "script/fetch-agent", name], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=1200)
    if fetched.returncode != 0:
        pytest.skip(f"no {name}: {fetched.stderr.strip()}")
    return fetched.stdout.strip()


@pytest.fixture(scope="session")
def claude_program() -> str:
    """The real Claude Code program."""
    given = os.environ.get("CLAUDEBOX_TEST_CLAUDE")
    return os.path.abspath(given) if given else fetch_agent("claude")


@pytest.fixture
def api():
    """A double of the Anthropic API on loopback."""
    double = ApiDouble()
    double.start()
    yield double
    double.stop()


class Claude:
    """The real client on the test's host, pointed at the double by options of claudebox."""

    KEY = "sk-ant-fake-obviously-not-a-key-0123456789abcdef"

    def __init__(self, host: Host, program: str, double: ApiDouble):
        self.host = host
        self.api = double
        (host.home / ".local/bin/claude").symlink_to(program)
        self.options = ["--network", "full", "--env", f"ANTHROPIC_BASE_URL={double.url}", "--env",
                        f"ANTHROPIC_API_KEY={self.KEY}"]

    def __call__(self, *arguments: str, options: tuple[str, ...] = (), cwd=None,
                 timeout: float = 120) -> subprocess.CompletedProcess:
        """claudebox -- ARGUMENTS, to its end."""
        return self.host.box("--yes", *self.options, *options, "--", *arguments, cwd=cwd, timeout=timeout)

    def command(self, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """The same as a command line for a terminal."""
        return [self.host.binary, "--yes", *self.options, *options, *(["--", *arguments] if arguments else [])]


@pytest.fixture
def claude(host, claude_program, api):
    return Claude(host, claude_program, api)
