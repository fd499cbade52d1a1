"""Programs that a developer uses daily, in the box."""

import pathlib
import shlex
import socket
import textwrap

import pytest

from conftest import need


def assert_worked(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_cpp_program_is_built_and_run(host):
    need("cmake"), need("g++")
    (host.project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.10)\nproject(hello CXX)\nadd_executable(hello hello.cc)\n")
    (host.project / "hello.cc").write_text('#include <iostream>\nint main() { std::cout << "built\\n"; }\n')
    assert assert_worked(host.sh("cmake -S . -B out >/dev/null && cmake --build out >/dev/null && ./out/hello",
                                 timeout=180)) == "built\n"
    assert (host.project / "out/hello").is_file()


@pytest.fixture
def npm_package(host):
    need("npm")
    package = host.project / "dependency"
    package.mkdir()
    (package / "package.json").write_text(
        '{"name": "dependency", "version": "1.0.0", "main": "index.js", "bin": {"say-it": "bin.js"}}')
    (package / "index.js").write_text("module.exports = 'required';\n")
    (package / "bin.js").write_text("#!/usr/bin/env node\nconsole.log('said');\n")
    (package / "bin.js").chmod(0o755)
    return package


def test_npm_installs_a_local_package(host, npm_package):
    (host.project / "package.json").write_text('{"name": "project", "version": "1.0.0"}')
    out = assert_worked(host.sh("npm install --offline --no-audit --no-fund ./dependency >&2 && "
                                "node -e \"console.log(require('dependency'))\"", timeout=180))
    assert out == "required\n"
    assert (host.project / "node_modules/dependency").exists()


def test_npm_installs_a_program_for_the_box_and_it_is_there_next_time(host, npm_package):
    assert_worked(host.sh("npm install --offline --no-audit --no-fund -g ./dependency >&2", timeout=180))
    assert assert_worked(host.sh("say-it")) == "said\n"
    assert not (host.home / ".local/box").exists(), "it belongs to the box, not to the host"


def test_git_commits_under_the_users_name(host):
    before = {path.name for path in (host.project / ".git").iterdir()}
    assert_worked(host.sh("echo x > new && git add new && git commit -q -m 'From the box' && git switch -q -c topic"))
    assert host.git("log", "-1", "--format=%s by %an <%ae>").strip() == \
        "From the box by Test Person <person@example.org>"
    assert host.git("status", "--porcelain") == ""
    assert host.git("fsck", "--strict") == ""
    assert {path.name for path in (host.project / ".git").iterdir()} - before <= {"COMMIT_EDITMSG"}


def test_git_says_that_its_configuration_is_read_only(host):
    done = host.sh("git remote add elsewhere https://example.org/x.git")
    assert done.returncode != 0
    assert "could not" in done.stderr and "config" in done.stderr
    assert "elsewhere" not in (host.project / ".git/config").read_text()


def test_a_python_environment_is_made_and_used(host):
    if not pathlib.Path("/usr/lib/python3").is_dir():
        pytest.skip("no python3 of the system")
    out = assert_worked(host.sh("/usr/bin/python3 -m venv env && env/bin/python -c 'import sys; print(sys.prefix)' && "
                                "env/bin/pip --version", timeout=180))
    assert out.splitlines()[0] == str(host.project / "env")
    assert "pip" in out


def test_a_background_server_is_reached_in_the_box_and_not_from_the_host(host):
    need("curl")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = f"""
        echo served > page
        /usr/bin/python3 -m http.server --bind 127.0.0.1 {port} >/dev/null 2>&1 &
        for attempt in $(seq 100); do curl -sf http://localhost:{port}/page && break; sleep 0.1; done
        touch up; while [ ! -e asked ]; do sleep 0.05; done
    """
    running = host.popen("run", "--yes", "--network", "offline", "--", "/bin/sh", "-c", textwrap.dedent(script),
                         stdin=-3, stdout=-1, stderr=-1, text=True)
    try:
        while not (host.project / "up").exists():
            assert running.poll() is None, running.communicate()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=2)
    finally:
        (host.project / "asked").touch()
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0 and out == "served\n", err


def test_a_key_made_in_the_box_stays_in_the_box(host):
    need("ssh-keygen")
    out = assert_worked(host.sh("mkdir -m 700 ~/.ssh && ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519 && "
                                "ssh-keygen -lf ~/.ssh/id_ed25519"))
    assert "ED25519" in out
    assert not (host.home / ".ssh").exists()
    assert "ED25519" in assert_worked(host.sh("ssh-keygen -lf ~/.ssh/id_ed25519"))


def test_tools_of_the_home_are_there_and_their_credentials_are_not(host):
    host.write(".local/bin/mine", "#!/bin/sh\necho my tool\n", 0o755)
    host.write(".cargo/bin/cargo-mine", "#!/bin/sh\necho my crate\n", 0o755)
    host.write(".cargo/credentials.toml", "FAKE-cargo\n", 0o600)
    host.env["PATH"] = f"{host.home}/.cargo/bin:{host.env['PATH']}"
    out = assert_worked(host.sh("mine; cargo-mine; cat ~/.cargo/credentials.toml; echo x > ~/.local/bin/mine; true"))
    assert out == "my tool\nmy crate\n"
    assert (host.home / ".local/bin/mine").read_text() == "#!/bin/sh\necho my tool\n"


def test_terminals_can_be_made_inside(host):
    out = assert_worked(host.run("/usr/bin/python3", "-c",
                                 "import pty; raise SystemExit(pty.spawn(['/bin/sh', '-c', 'tty; stty size']) >> 8)"))
    assert "/dev/pts/" in out


# --- full-screen programs ------------------------------------------------------------------------------------------


def start(host, terminal, *command):
    terminal.start()
    terminal.wait_for(r"^READY\$$")
    line = [host.binary, "run", "--yes", "--network", "offline", "--", *command]
    terminal.line("clear; " + shlex.join(line) + "; echo STATUS=$?")


def test_less_pages_and_ends(host, terminal):
    need("less")
    (host.project / "long").write_text("".join(f"line {number}\n" for number in range(1, 301)))
    start(host, terminal, "less", "long")
    terminal.wait_for(r"^line 20$", history=0)
    terminal.keys("G")
    terminal.wait_for(r"^line 300$", history=0)
    terminal.resize(80, 15)
    terminal.keys("g")
    terminal.wait_for(r"^line 14$\n^(long|:)", history=0)
    terminal.keys("q")
    terminal.wait_for(r"^STATUS=0$")


def test_vim_edits_a_file(host, terminal):
    need("vim")
    start(host, terminal, "vim", "-u", "NONE", "-N", "edited")
    terminal.wait_for(r"^~$", history=0)
    terminal.type("iwritten in vim")
    terminal.keys("Escape")
    terminal.line(":wq")
    terminal.wait_for(r"^STATUS=0$")
    assert (host.project / "edited").read_text() == "written in vim\n"


def test_interrupting_a_command_gives_its_status(host, terminal):
    start(host, terminal, "/bin/sh", "-c", "trap 'exit 7' INT; echo waiting; while :; do sleep 0.1; done")
    terminal.wait_for(r"^waiting$")
    terminal.keys("C-c")
    terminal.wait_for(r"STATUS=7$")


# --- sandboxes inside ----------------------------------------------------------------------------------------------

NESTED = {
    "bwrap": "bwrap --ro-bind / / --proc /proc --dev /dev --unshare-all -- /bin/echo nested",
    "unshare": "unshare --user --map-current-user --mount --pid --fork --mount-proc /bin/echo nested",
}


@pytest.mark.ordinary_user
@pytest.mark.parametrize("tool", NESTED)
def test_a_sandbox_inside_the_box_works(host, tool):
    need(tool)
    assert assert_worked(host.sh(NESTED[tool])) == "nested\n"


@pytest.mark.root
@pytest.mark.parametrize("tool", NESTED)
def test_as_root_a_sandbox_inside_the_box_is_refused(host, tool):
    need(tool)
    done = host.sh(NESTED[tool])
    assert done.returncode != 0
    assert "not permitted" in done.stderr or "denied" in done.stderr
