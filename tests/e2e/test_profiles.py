"""Profiles: files of the user's that say what a box gets. The built program with real files, owners and modes."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import time

import pytest

from conftest import SOURCE


def profile(host, name: str, text: str, mode: int = 0o600) -> pathlib.Path:
    directory = host.home / ".claudebox"
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / "profiles").mkdir(mode=0o700, exist_ok=True)
    return host.write(f".claudebox/profiles/{name}.toml", text, mode)


def config(host, text: str) -> pathlib.Path:
    (host.home / ".claudebox").mkdir(mode=0o700, exist_ok=True)
    return host.write(".claudebox/config.toml", text, 0o600)


def plan(host, *options, **more) -> dict:
    done = host.box("plan", "--json", *options, "--", "true", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(host, *words, options=("--profile", "web"), status=2):
    done = host.box("run", "--yes", *options, "--", "true")
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stderr
    assert not host.instances()
    return done.stderr


# --- a box with a profile ------------------------------------------------------------------------------------------


def test_a_box_gets_what_its_profile_says(host):
    host.write("my data/file", "from the host\n")
    host.env["GH_TOKEN_READONLY"] = "value-of-the-host"
    host.env["GH_TOKEN"] = "the-other-one"
    profile(host, "web", 'network = "offline"\nmounts = ["$HOME/my data:/data"]\n'
                         'env = ["GH_TOKEN=GH_TOKEN_READONLY"]\n')
    done = host.box("run", "--yes", "--profile", "web", "--", "sh", "-c", 'cat /data/file; echo "$GH_TOKEN"')
    assert done.stdout == "from the host\nvalue-of-the-host\n", done.stderr
    assert "profile" in done.stderr and "web" in done.stderr
    assert "GH_TOKEN_READONLY" in done.stderr
    # By the environment as well, and each grant says where it is from.
    record = plan(host, env=dict(host.env, CLAUDEBOX_PROFILE="web"))
    assert record["network"]["origin"] == {"kind": "profile", "source": "web.toml:1", "reason": "asked for"}
    assert [m["origin"]["source"] for m in record["mounts"] if m["purpose"] == "extra"] == ["web.toml:2"]
    assert record["profiles"] == [{"kind": "profile", "name": "web", "waits": False,
                                   "path": str(host.home / ".claudebox/profiles/web.toml")}]
    token = next(v for v in record["environment"] if v["name"] == "GH_TOKEN")
    assert token.get("host_name") == "GH_TOKEN_READONLY"
    command = host.box("plan", "--quiet", "--profile", "web", "--", "sh", "-c", 'echo "$GH_TOKEN"').stdout
    pasted = subprocess.run(["/bin/bash", "-c", command], cwd=host.project, env=host.env, capture_output=True, text=True,
                            timeout=60)
    assert pasted.stdout == "value-of-the-host\n", pasted.stderr
    explained = host.box("plan", "--explain", "--profile", "web", "--", "true").stdout
    assert "profile: web.toml:3" in explained


def test_a_renamed_variable_has_to_be_set(host):
    host.env["GH_TOKEN"] = "the-other-one"
    profile(host, "web", 'network = "offline"\nenv = ["GH_TOKEN=GH_TOKEN_READONLY"]\n')
    refused(host, "GH_TOKEN_READONLY is not set here", "web.toml:2", status=125)


def test_who_wins(host):
    config(host, 'network = "full"\nnested = false\n')
    assert plan(host)["network"]["tier"] == "full"
    profile(host, "web", 'network = "offline"\n')
    assert plan(host, "--profile", "web")["network"]["tier"] == "offline"
    assert plan(host, "--profile", "web")["box"]["nested"] is False
    environment = dict(host.env, CLAUDEBOX_NETWORK="full")
    assert plan(host, "--profile", "web", env=environment)["network"]["tier"] == "full"
    assert plan(host, "--profile", "web", "--network", "offline", env=environment)["network"]["tier"] == "offline"
    profile(host, "other", 'network = "full"\n')
    both = dict(host.env, CLAUDEBOX_PROFILE="other")
    assert plan(host, "--profile", "web", env=both)["network"]["tier"] == "offline"


def test_a_flag_for_the_same_thing_takes_its_place(host):
    host.env["TOKEN"] = "host"
    host.write("data/x", "")
    profile(host, "web", 'network = "offline"\nenv = ["TOKEN"]\nmounts = ["~/data:/d:ro"]\npublish = ["8080:80"]\n')
    record = plan(host, "--profile", "web", "--env", "TOKEN=flag", "--mount", f"{host.home}/data:/d:rw", "--publish",
                  "8080:81", "--publish", "8081:82")
    assert [m["kind"] for m in record["mounts"] if m["target"] == "/d"] == ["writable"]
    assert [(p["host_port"], p["box_port"]) for p in record["network"]["publish"]] == [(8080, 81), (8081, 82)]
    assert [v["origin"]["source"] for v in record["environment"] if v["name"] == "TOKEN"] == ["--env TOKEN"]


def test_a_tier_from_above_leaves_out_what_it_has_no_use_for(host):
    profile(host, "web", 'network = "allowlist"\nallow = ["example.org"]\n')
    record = plan(host, "--profile", "web", "--network", "offline")
    assert record["network"]["allow"] == []
    assert any("allow of web.toml:2 is left out" in note["text"] for note in record["notes"])
    refused(host, "--allow example.org: the tier offline reaches nothing, and off.toml:1 chose it",
            "--network allowlist as well", "or change off.toml:1",
            options=("--profile", profile(host, "off", 'network = "offline"\n').stem, "--allow", "example.org"))
    profile(host, "wrong", 'network = "offline"\nallow = ["example.org"]\n')
    refused(host, "wrong.toml:2", "offline reaches nothing", options=("--profile", "wrong"))


def test_nested_and_audit(host):
    profile(host, "tight", 'network = "offline"\nnested = false\naudit = "always"\n')
    done = host.box("run", "--yes", "--profile", "tight", "--", "unshare", "-U", "true")
    assert done.returncode != 0
    assert host.run("unshare", "-U", "true").returncode == 0
    assert plan(host, "--profile", "tight")["box"]["always_ask"] is True


def test_audit_always_asks_again(host, terminal):
    profile(host, "ask", 'network = "offline"\naudit = "always"\n')
    profile(host, "quiet", 'network = "offline"\n')
    terminal.start()
    for name, again in (("ask", True), ("quiet", False)):
        for word, asks in ((f"first-{name}", True), (f"second-{name}", again)):
            terminal.line(f"{host.binary} run --profile {name} --instance {name} echo {word}")
            if asks:
                terminal.wait_for(rf"echo {word}$[\s\S]*Proceed\? \[Y/n\]\s*\Z")
                terminal.keys("Enter")
            terminal.wait_for(f"^{word}$")


# --- protections ---------------------------------------------------------------------------------------------------


def test_a_protection_is_lifted_by_its_key_alone(host):
    (host.project / ".envrc").write_text("use nix\n")
    (host.project / ".vscode").mkdir()
    (host.project / ".vscode/tasks.json").write_text("{}\n")
    script = "for f in .envrc .vscode/tasks.json .git/hooks/x .git/config; do (echo x >> $f) 2>/dev/null && echo $f; done"
    assert host.sh(script).stdout == ""
    profile(host, "open", '[protect]\nenvrc = false\n')
    done = host.box("run", "--yes", "--profile", "open", "--network", "offline", "--", "sh", "-c", script)
    assert done.stdout == ".envrc\n"
    assert "the protection envrc is lifted" in done.stderr
    assert ".envrc" in done.stderr.split("changed in the project")[1]
    profile(host, "hooks", '[protect]\ngit-hooks = false\n')
    done = host.box("run", "--yes", "--profile", "hooks", "--network", "offline", "--", "sh", "-c", script)
    assert done.stdout == ".git/hooks/x\n", done.stderr
    record = plan(host, "--profile", "hooks", "--network", "offline")
    assert [(each["name"], each["origin"]["source"]) for each in record["lifted"]] == [("git-hooks", "hooks.toml:2")]


# --- bad files -----------------------------------------------------------------------------------------------------


def test_every_mistake_is_said_with_its_place(host):
    profile(host, "web", 'netwrok = "full"\nallow = ["a.org", 5]\n[protect]\nvsode = false\n')
    said = refused(host, "web.toml:1:1: unknown key 'netwrok'", "did you mean network?", "web.toml:2:19", "did you mean vscode?")
    assert '  2 | allow = ["a.org", 5]\n    |                   ^\n' in said


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"network = \"\x1b[31m\"", b"[" * 100_000, b"#" * 300_000,
                                     b"network = \"full", b"\r\r\r", b"env = [\"A=\xe2\x80\xae\"]"])
def test_bytes_that_are_no_profile(host, content):
    profile(host, "web", "").write_bytes(content)
    said = refused(host, "web.toml")
    assert "\x1b" not in said and "\u202e" not in said


def test_values_are_not_stored(host):
    token = "ghp_" + "0123456789abcdefABCDEF0123456789abcd"
    profile(host, "web", f'env = ["GH_TOKEN={token}"]\n')
    assert token not in refused(host, "only names are stored in files")


def test_a_profile_that_is_not_there(host):
    profile(host, "web", "")
    refused(host, "there is no profile 'wbe'", "did you mean web?", options=("--profile", "wbe"))
    refused(host, "can't be the name of a profile", options=("--profile", "../web"))
    refused(host, "can't be the name of a profile", options=("--profile", str(host.home / "x.toml")))


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write(host, mode):
    file = profile(host, "web", 'network = "offline"\n', mode)
    refused(host, f"{file} can be written by others", f"chmod go-w {file}")
    subprocess.run(["chmod", "go-w", file], check=True)
    assert plan(host, "--profile", "web")["network"]["tier"] == "offline"


@pytest.mark.parametrize("directory", [".claudebox", ".claudebox/profiles"])
def test_a_directory_that_others_may_write(host, directory):
    profile(host, "web", 'network = "offline"\n')
    (host.home / directory).chmod(0o770)
    refused(host, f"chmod go-w {host.home / directory}")


def test_the_configuration_that_others_may_write(host):
    config(host, 'network = "offline"\n').chmod(0o664)
    refused(host, "config.toml can be written by others", options=())


@pytest.mark.root
def test_a_file_of_somebody_else(host):
    file = profile(host, "web", 'network = "offline"\n')
    os.chown(file, 4711, -1)
    refused(host, f"{file} belongs to uid 4711")
    os.chown(file, 0, -1)
    os.chown(file.parent, 4711, -1)
    refused(host, f"{file.parent} belongs to uid 4711")


def test_fifos_and_devices(host):
    real = profile(host, "real", 'network = "offline"\n')
    os.mkfifo(real.parent / "fifo.toml", 0o600)
    (real.parent / "linked.toml").symlink_to("fifo.toml")
    (real.parent / "zero.toml").symlink_to("/dev/zero")
    (real.parent / "gone.toml").symlink_to("nowhere")
    refused(host, "fifo.toml is a FIFO", options=("--profile", "fifo"))
    refused(host, "fifo.toml is a FIFO", options=("--profile", "linked"))
    refused(host, "/dev", options=("--profile", "zero"))
    refused(host, "gone.toml leads to is not used", "nowhere is not there", options=("--profile", "gone"))


@pytest.mark.parametrize("linked", ["file", "directory"])
def test_a_link_to_dotfiles_is_followed_where_nobody_else_may_write(host, linked):
    file = profile(host, "web", 'network = "offline"\n')
    dotfiles = host.home / "dotfiles/claudebox"
    if linked == "directory":
        dotfiles.parent.mkdir(mode=0o755)
        file.parent.rename(dotfiles)
        file.parent.symlink_to("../dotfiles/claudebox")
    else:
        dotfiles.mkdir(mode=0o755, parents=True)
        file.rename(dotfiles / "web.toml")
        file.symlink_to(dotfiles / "web.toml")
    host.home.chmod(0o755)
    beyond = [part for part in dotfiles.parents if part.stat().st_mode & 0o022 and not part.stat().st_mode & 0o1000]
    assert not beyond, "the test's own directories can be written by others"
    record = plan(host, "--profile", "web")
    assert record["network"]["tier"] == "offline" and record["profiles"][0]["path"] == str(dotfiles / "web.toml")
    for path in (dotfiles, dotfiles.parent):
        path.chmod(0o775)
        refused(host, f"{path} can be written by others", f"chmod go-w {path}")
        path.chmod(0o755)
    # A box in the dotfiles can't write what the next box gets.
    host.repository(dotfiles.parent)
    done = host.box("run", "--yes", "--profile", "web", "--", "sh", "-c",
                    "echo x >>claudebox/web.toml; mv claudebox c; echo x >claudebox/other; cat claudebox/other",
                    cwd=dotfiles.parent)
    assert done.stdout == "x\n", done.stderr
    assert (dotfiles / "web.toml").read_text() == 'network = "offline"\n'


def test_a_file_that_is_swapped_while_it_is_read(host):
    """What was looked at is what is read: one of the two, whole, or a refusal; never the content of one with the rights
    of the other."""
    good = profile(host, "web", 'network = "offline"\nenv = ["GOOD"]\n')
    bad = host.write("bad.toml", 'network = "offline"\nenv = ["EVIL"]\n', 0o666)
    host.env.update(GOOD="1", EVIL="1")
    swapper = subprocess.Popen(["/bin/sh", "-c", f"""
        cp -p '{good}' '{host.home}/good'
        while [ -d '{host.home}' ]; do
            cp -p '{bad}' '{host.home}/n'; mv '{host.home}/n' '{good}'
            cp -p '{host.home}/good' '{host.home}/n'; mv '{host.home}/n' '{good}'
        done"""], env=host.env)
    try:
        seen = set()
        for _ in range(150):
            done = host.box("plan", "--json", "--profile", "web", "--", "true")
            if done.returncode:
                assert "can be written by others" in done.stderr
                seen.add("refused")
            else:
                names = {variable["name"] for variable in json.loads(done.stdout)["environment"]}
                assert "EVIL" not in names and "GOOD" in names
                seen.add("good")
    finally:
        swapper.kill()
        swapper.wait()
    assert seen == {"refused", "good"}


def traced(host) -> dict[str, str]:
    """For a build with sanitizers: LeakSanitizer can't work beside strace."""
    return {**host.env, "ASAN_OPTIONS": "detect_leaks=0"}


def test_ten_thousand_profiles_cost_nothing(host):
    profile(host, "web", 'network = "offline"\n')

    def opened(*arguments):
        trace = host.root / "trace"
        done = subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=openat,open,getdents64", host.binary,
                               *arguments], cwd=host.project, env=traced(host), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return sum(".claudebox/profiles" in line or "getdents64" in line for line in trace.read_text().splitlines())

    few = opened("plan", "--profile", "web", "--json", "--", "true")
    for number in range(10_000):
        (host.home / f".claudebox/profiles/p{number}.toml").touch(0o600)
    assert opened("plan", "--profile", "web", "--json", "--", "true") == few
    done = host.box("profile", "list")
    assert len(done.stdout.splitlines()) == 10_001
    assert len(host.box("__complete", "profiles").stdout.splitlines()) == 10_001


def test_without_files_nothing_of_them_is_opened(host):
    trace = host.root / "trace"
    subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=openat,open", host.binary, "plan", "--network", "offline",
                    "--", "true"], cwd=host.project, env=traced(host), check=True, capture_output=True, timeout=60)
    assert ".toml" not in trace.read_text()


# --- the commands --------------------------------------------------------------------------------------------------


def test_show_and_list_and_check(host):
    assert host.box("profile", "list").stderr.startswith("No profiles yet")
    profile(host, "base", '# What all have\nallow = ["a.org"]\nnetwork = "full"\n')
    profile(host, "web", 'extends = ["base"]\nnetwork = "allowlist"\nallow = ["b.org"]\n')
    expected = ('# base, web\nnetwork = "allowlist"  # web.toml:2\nallow = [\n  "a.org",  # base.toml:2\n'
                '  "b.org",  # web.toml:3\n]\n')
    assert host.box("profile", "show", "web").stdout == expected
    assert host.box("--show-profile", "web").stdout == expected
    assert host.box("profile", "list").stdout == "base  What all have\nweb\n"
    assert host.box("--list-profiles").stdout == "base  What all have\nweb\n"
    assert host.box("profile", "check").returncode == 0
    assert host.box("profile", "check", "web").returncode == 0
    profile(host, "bad", "foo = 1\n")
    done = host.box("profile", "check")
    assert done.returncode == 2 and "bad.toml:1:1" in done.stderr
    assert host.box("profile", "show", "bad").returncode == 2
    done = host.box("profile", "check", host.home / ".claudebox/profiles/bad.toml")
    assert done.returncode == 2 and "bad.toml:1:1" in done.stderr


@pytest.mark.parametrize("example", ["plain", "web", "review", "cloud", "nix", "accounts"])
def test_every_example_makes_a_profile_that_plans(host, example):
    host.write(".aws/config", "x\n")
    host.env.update(AWS_PROFILE="x", AWS_REGION="y", GH_TOKEN_WORK="z")
    done = host.box("profile", "new", "mine", "--like", example)
    assert done.returncode == 0, done.stderr
    path = pathlib.Path(done.stdout.strip())
    assert path.read_text() == (SOURCE / f"docs/profiles/{example}.toml").read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert host.box("profile", "check", "mine").returncode == 0
    again = host.box("profile", "new", "mine")
    assert again.returncode == 1 and "is there already" in again.stderr
    if example != "nix":  # whose daemon may not be here: test_nix_daemon
        done = host.box("plan", "--profile", "mine", "--json", "--", "true")
        if "slirp4netns" in done.stderr or "/dev/net/tun" in done.stderr:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stderr


def test_import_reads_and_runs_nothing(host):
    older = host.write("old/tools.sh", 'PROFILE_NETWORK_TIER=none\nPROFILE_EXTRA_ENV=(GH_TOKEN)\n'
                                       'PROFILE_MOUNTS=("$HOME/my data:ro")\nPROFILE_PACKAGES=(jq)\n')
    done = host.box("profile", "import", older)
    assert done.returncode == 0, done.stderr
    assert host.box("profile", "show", "tools").stdout == (
        '# tools\nnetwork = "offline"  # tools.toml:2\nmounts = [\n  "${HOME}/my data:ro",  # tools.toml:4\n]\n'
        'env = [\n  "GH_TOKEN",  # tools.toml:7\n]\npackages = [\n  "jq",  # tools.toml:10\n]\n')
    evil = host.write("old/evil.sh", f"PROFILE_NETWORK_TIER=$(touch {host.home}/ran)\ntouch {host.home}/ran\n")
    done = host.box("profile", "import", evil, "--as", "evil")
    assert done.returncode == 2
    assert "evil.sh:1:22" in done.stderr and "evil.sh:2:1" in done.stderr
    assert not (host.home / "ran").exists() and not (host.home / ".claudebox/profiles/evil.toml").exists()


def test_the_json_schema_takes_what_is_right(host):
    schema = json.loads(host.box("__profile-schema").stdout)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["network"]["enum"] == ["internet", "allowlist", "offline", "full"]
    assert schema["properties"]["protect"]["properties"]["vscode"]["type"] == "boolean"
    assert schema["properties"]["allow"]["items"]["type"] == "string"
