"""Plans as people, programs and shells get them: the audit, JSON and the command for bash, and whether they are true."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

from conftest import SOURCE, need

KINDS = {str: "string", bool: "boolean", int: "number"}


# --- JSON is what docs/json.md says --------------------------------------------------------------------------------


def documented(section: str) -> dict[str, tuple[str, bool]]:
    """Field to (type, optional) as the table of a section of docs/json.md has it."""
    text = (SOURCE / "docs/json.md").read_text()
    found = re.search(rf"^## `claudebox {re.escape(section)}`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, section
    rows = re.findall(r"^\| `([^`]+)` \| (\w+)(, optional)? \|", found[1], re.MULTILINE)
    return {field: (kind, bool(optional)) for field, kind, optional in rows}


def fields(value, path=""):
    """Every field of a record with its type; list elements are []."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from fields(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from fields(item, path + "[]")
    else:
        yield path, KINDS[type(value)]


@pytest.fixture
def rich(host):
    """Options for a plan that has something of everything."""
    host.plant_secrets()
    host.write("data/file", "x\n")
    return ["--network", "full", "--mount", "~/.ssh", "--mount", f"{host.home}/data:/data:rw", "--env",
            "SECRET_FOR_TESTS", "--env", "DB_PASSWORD=hunter2-and-more", "--env", "MODE=fast"]


@pytest.mark.parametrize("section", ["plan --json", "check --json", "selftest --json", "instance list --json",
                                     "instance show --json", "profile list --json", "profile show --json",
                                     "trust --json"])
def test_json_is_as_documented(host, rich, section):
    command = section.split()
    if command[0] == "plan":
        command += [*rich, "--", "true"]
    elif command[0] == "selftest":
        command += ["--yes", "--network", "offline"]
    elif command[0] == "instance":
        assert host.run("true").returncode == 0
        command += [host.instances()[0].name] if command[1] == "show" else []
    elif command[0] in ("profile", "trust"):
        (host.home / ".claudebox/profiles").mkdir(mode=0o700, parents=True)
        (host.home / ".claudebox").chmod(0o700)
        host.write(".claudebox/profiles/web.toml", '# For the web\nnested = false\nnetwork = "offline"\n', 0o600)
        (host.project / ".claudebox.toml").write_text('env = ["A"]\n[protect]\nvscode = false\n')
        command += ["web"] if command[1] == "show" else []
    done = host.box(*command)
    record = json.loads(done.stdout)
    table = documented(section)
    assert record["schema"] == 1
    seen = dict(fields(record))
    for field, kind in seen.items():
        assert field in table, f"{field} is not documented"
        assert kind == table[field][0], f"{field} is a {kind}"
    missing = [field for field, (_, optional) in table.items() if not optional and field not in seen]
    assert not missing, f"documented but not printed: {missing}"


def test_json_of_the_network_is_as_documented(host):
    done = host.box("plan", "--json", "--network", "allowlist", "--allow", "*.example.org", "--lan", "10.0.0.5:3128",
                    "--publish", "8080:3000", "--reach", "2375", "--", "true")
    if "needs" in done.stderr:
        pytest.skip(done.stderr)
    table = {field: kind for field, (kind, _) in documented("plan --json").items() if field.startswith("network.")}
    table.pop("network.nix_daemon.dangers[]")  # needs a daemon: test_nix_daemon
    assert dict(item for item in fields(json.loads(done.stdout)) if item[0].startswith("network.")) == table


def test_json_is_text_whatever_the_names(host):
    project = os.fsencode(host.home) + b"/\xff\x1b[2J \"quoted\"\n"
    os.mkdir(project)
    done = host.box("plan", "--network", "offline", "--json", "--", "true", cwd=project, text=False)
    text = done.stdout.decode()  # raises where it is not UTF-8
    assert "\x1b" not in text
    assert json.loads(text)["project"]["root"].endswith("/\ufffd\x1b[2J \"quoted\"\n")


# --- a plan changes nothing ----------------------------------------------------------------------------------------


def state_of(root: pathlib.Path):
    """Everything about every file that a look does not change."""
    out = {}
    for path in [root, *root.rglob("*")]:
        info = path.lstat()
        out[path] = (info.st_mode, info.st_uid, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
    return out


@pytest.mark.parametrize("command", [
    ["plan", "--", "true"],
    ["plan", "--explain", "--verbose", "--", "true"],
    ["plan", "--json", "--", "true"],
    ["plan", "--instance", "other", "--", "true"],
    ["run", "--dry-run", "--yes", "--", "true"],
    ["run", "--dry-run", "--json", "--yes", "--", "true"],
    ["shell", "--dry-run", "--yes"],
])
@pytest.mark.parametrize("started", [False, True], ids=["never started", "started before"])
def test_a_plan_changes_nothing(host, rich, command, started):
    host.git("worktree", "add", "-q", str(host.home / "tree"))
    if started:
        host.run("true")
    before = state_of(host.home)
    done = host.box(command[0], *rich, *command[1:], cwd=host.home / "tree")
    assert done.returncode == 0, done.stderr
    assert state_of(host.home) == before


# --- the audit -----------------------------------------------------------------------------------------------------


def test_the_audit_says_what_is_there_and_what_is_dangerous(host, rich):
    text = host.box("plan", *rich, "--", "true").stdout
    for pattern in [r"^claudebox +true$", r"^  project +~/project$", r"^network +full$",
                    r"^  reaches +everything this host reaches", r"^  rw project +~/project$",
                    r"^▲ ro extra +~/\.ssh\n +SSH keys: can log in as you elsewhere$", r"^▲ rw extra +~/data → /data\n +writable outside the project$",
                    r"^  ro locked .*\.git/config", r"^  \[~\] +HOME=", r"^  \[>\] .*TERM=xterm-256color",
                    r"^▲ \[\+\] +SECRET_FOR_TESTS=FAKE-va\.\.\.\w{4}\n +a secret by its name: can log in where it is valid$",
                    r"^▲ \[\+\] +DB_PASSWORD=hunter2\.\.\.more$", r"^  \[\+\] +MODE=fast$",
                    r"^▲ 4 grants give away more than a box needs$"]:
        assert re.search(pattern, text, re.MULTILINE), f"{pattern} in\n{text}"


def test_explain_says_where_each_grant_comes_from(host, rich):
    text = re.sub(r"\s+", "", host.box("plan", "--explain", *rich, "--", "true").stdout)  # lines break anywhere
    for origin in ["(flag: --network full)", "(flag: --mount ~/.ssh)", "/data:rw)", "(flag: --env MODE",
                   "(built in: instance)", "(built in: allow-list)", "(found: current directory)"]:
        assert origin.replace(" ", "") in text, f"{origin} in\n{text}"
    assert "(flag:" not in host.box("plan", *rich, "--", "true").stdout


def test_no_rendering_holds_a_secret(host, rich):
    secrets = [host.env["SECRET_FOR_TESTS"], "hunter2-and-more", "ghp_0123456789abcdefABCDEF0123456789abcd"]
    command = ["--", "sh", "-c", f"echo {secrets[0]} {secrets[2]}"]
    for options in [[], ["--verbose"], ["--explain"], ["--json"], ["--quiet"]]:
        done = host.box("plan", *options, *rich, *command)
        assert done.returncode == 0
        for secret in secrets:
            assert secret not in done.stdout + done.stderr, options
    # Nor does what is remembered of an approval or an instance.
    host.box("run", "--yes", *rich, "--", "true")
    for file in (host.home / ".claudebox").rglob("*"):
        if file.is_file():
            assert not any(secret.encode() in file.read_bytes() for secret in secrets), file


@pytest.mark.parametrize("locale", [{"LANG": "C"}, {"LC_ALL": "POSIX"}])
def test_ascii_where_the_terminal_has_nothing_else(host, rich, locale):
    host.env.update(locale)
    done = host.box("plan", *rich, "--mount", f"{host.write('zürich', '')}", "--", "true", text=False)
    assert done.returncode == 0
    audit = done.stdout.split(b"\n# As a bwrap command")[0]
    assert audit.isascii()
    assert b"! ro extra        ~/.ssh".replace(b"        ", b"       ") in audit and b"-> /data" in audit


# --- the audit is true ---------------------------------------------------------------------------------------------

# Of one file or directory: whether it is there and whether it may be written, as access(2) says.
LOOK = 'for p in "$@"; do if [ ! -e "$p" ]; then echo "- $p"; elif [ -w "$p" ]; then echo "w $p"; else echo "r $p"; fi; done'


def test_what_the_plan_says_is_writable_is_and_the_rest_is_not(host, rich):
    plan = json.loads(host.box("plan", *rich, "--json", "--", "true").stdout)
    kinds = {mount["target"]: mount["kind"] for mount in plan["mounts"] if mount["kind"] not in ("symlink", "dev", "proc")}
    done = host.box("run", "--yes", *rich, "--", "sh", "-c", LOOK, "look", *kinds)
    assert done.returncode == 0, done.stderr
    seen = {line[2:]: line[0] for line in done.stdout.splitlines()}
    for target, kind in kinds.items():
        wanted = {"writable": "w", "tmpfs": "w", "read_only": "r", "file": "r", "directory": "r"}[kind]
        assert seen[target] == wanted, f"{target}, said to be {kind}"


def test_nothing_is_mounted_that_the_plan_does_not_say(host, rich):
    plan = json.loads(host.box("plan", *rich, "--json", "--", "true").stdout)
    # bwrap's program is covered with itself by the launch, so that /proc/1/exe can't be written to.
    said = {mount["target"] for mount in plan["mounts"]} | {"/", plan["box"]["bwrap"]}
    done = host.box("run", "--yes", *rich, "--", "cut", "-d", " ", "-f", "5", "/proc/self/mountinfo")
    for point in done.stdout.splitlines():
        assert point in said or re.match(r"/(dev|proc)/", point), point  # what bwrap's --dev and --proc are made of


def test_the_environment_is_what_the_plan_says(host, rich):
    plan = json.loads(host.box("plan", *rich, "--json", "--", "true").stdout)
    done = host.box("run", "--yes", *rich, "--", "env", "-0")
    inside = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    inside.pop("PWD", None)  # bwrap sets it with --chdir
    assert set(inside) == {variable["name"] for variable in plan["environment"]}
    for variable in plan["environment"]:
        if not variable["masked"]:
            assert inside[variable["name"]] == variable["value"]
    assert inside["SECRET_FOR_TESTS"] == host.env["SECRET_FOR_TESTS"]


# --- the command for bash ------------------------------------------------------------------------------------------

# Everything about a process that a box decides, one fact a line.
FACTS = r"""
env -u _ -u SHLVL | sort
cut -d " " -f 5,6 /proc/self/mountinfo | sort
grep -E "^(Uid|Gid|Cap|NoNewPrivs|Seccomp|Seccomp_filters)" /proc/self/status
cd /proc/$$/fd && echo *
uname -n; cut -d : -f 1 /proc/net/dev | sort; ls -A /; ls -A /etc | sort
sha256sum /etc/passwd /etc/hosts /etc/gitconfig /etc/machine-id
"""


@pytest.fixture
def awkward(host):
    """A project whose name a shell could trip over."""
    return host.repository(host.home / "it's a $HOME `x` \"project\" !1")


@pytest.mark.parametrize("bracketed", [True, False], ids=["bracketed paste", "typed"])
@pytest.mark.parametrize("network", ["full", "offline"])
def test_the_command_pasted_into_a_terminal_makes_the_same_box(host, terminal, awkward, network, bracketed):
    host.env["GREETING"] = "from the 'host'"
    options = ["--network", network, "--env", "GREETING", "--env", "LITERAL=a b\n$c `d` \t!e"]
    inside = ["sh", "-c", f'{{ {FACTS} }} >"$0"']

    # With a terminal, as it is in the one that it is pasted into.
    terminal.start(columns=200, rows=50, cwd=awkward)
    terminal.wait_for(r"READY\$ ?$")
    host_facts = awkward / "run"
    command = shlex.join([host.binary, "run", "--yes", "--quiet", *options, "--", *inside, str(host_facts)])
    script = host.write("start", command)
    terminal.line(f". {shlex.quote(str(script))}; echo RAN=$?")
    assert terminal.wait_for(r"^RAN=(\d+)")[1] == "0"

    pasted_facts = awkward / "pasted"
    plan = [host.binary, "plan", "--quiet", *options, "--", *inside, str(pasted_facts)]
    script.write_text(shlex.join(plan) + f" >{shlex.quote(str(host.home / 'command'))}")
    terminal.line(f". {shlex.quote(str(script))}; echo PLANNED=$?")
    assert terminal.wait_for(r"^PLANNED=(\d+)")[1] == "0"
    terminal._run("load-buffer", str(host.home / "command"))
    terminal._run("paste-buffer", *(["-p"] if bracketed else []))
    terminal.keys("Enter")
    terminal.line("echo PASTED=$?")
    assert terminal.wait_for(r"^PASTED=(\d+)")[1] == "0", terminal.screen(500)

    # The launch covers bwrap's own program; a bwrap that is started by hand can't do that to itself.
    launched = re.sub(r"^\S*/bwrap ro,.*\n", "", host_facts.read_text(), flags=re.MULTILINE)
    assert launched == pasted_facts.read_text()
    assert host.git("status", "--porcelain", cwd=awkward).split() == ["??", "pasted", "??", "run"]
    assert "GREETING=from the 'host'" in pasted_facts.read_text()


def test_the_pasted_command_leaves_nothing_in_the_repository(host):
    text = host.box("plan", "--quiet", "--network", "full", "--", "true").stdout
    before = sorted(host.project.rglob("*"))
    done = subprocess.run([need("bash"), "-c", text], cwd=host.project, env=host.env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert sorted(host.project.rglob("*")) == before


def test_the_pasted_command_asks_for_a_secret_and_starts_nothing_without(host):
    options = ["--network", "offline", "--env", "DB_PASSWORD=hunter2-and-more"]
    text = host.box("plan", "--quiet", *options, "--", "sh", "-c", "echo $DB_PASSWORD").stdout

    def paste():
        return subprocess.run([need("bash"), "-c", text], cwd=host.project, env=host.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    refused = paste()
    assert refused.returncode != 0 and refused.stdout == "" and "DB_PASSWORD" in refused.stderr
    host.env["DB_PASSWORD"] = "given by hand"
    assert paste().stdout == "given by hand\n"


# --- the README ----------------------------------------------------------------------------------------------------


def test_the_transcript_of_the_readme_is_a_real_run(host, binary):
    done = subprocess.run([SOURCE / "script/readme-transcript", "--check"], env={**host.env, "CLAUDEBOX_BINARY": binary},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_pictures_of_the_readme_are_small_and_fetch_nothing():
    pictures = sorted((SOURCE / "docs/pictures").glob("*.svg"))
    readme = (SOURCE / "README.md").read_text()
    assert [path.name for path in pictures] == [f"{name}-{scheme}.svg" for name in ("first", "later", "start") for scheme in ("dark", "light")]
    for path in pictures:
        text = path.read_text()
        assert f"docs/pictures/{path.name}" in readme
        assert len(text) < 40_000
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)|@import|@font-face|url\(|<script|href", text)
