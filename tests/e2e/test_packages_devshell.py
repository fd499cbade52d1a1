"""Dev shells: their tools and those variables that are meant for a person, and nothing of the build that made them."""

from __future__ import annotations

import json

import pytest

from nix_host import nix  # noqa: F401

pytestmark = pytest.mark.root

OFFLINE = ("--network", "offline")
SHELL = ("--devshell", "nixpkgs")
REFUSED = ("LD_PRELOAD", "SSL_CERT_FILE", "http_proxy", "API_TOKEN", "GIT_SSH_COMMAND")


def environment(nix, *options: str, **more) -> dict[str, str]:
    done = nix.sh("env -0", *OFFLINE, *options, **more)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def test_a_dev_shell_brings_its_tools_first_and_variables_that_name_its_paths(nix):
    without = environment(nix)
    inside = environment(nix, *SHELL, "--package", "greeter")
    own, *path = inside["PATH"].split(":")  # what is installed in the box comes first
    assert [entry.rsplit("-", 1)[1] for entry in path[:2]] == ["hello/bin", "greeter/bin"]
    assert [own, *path[2:]] == without["PATH"].split(":")
    assert {name: value for name, value in inside.items() if name != "PATH" and without.get(name) != value} \
        .keys() == {"WHERE", "tools"}
    assert nix.sh("hello; $WHERE/bin/two", *OFFLINE, *SHELL).stdout == "hello from the store\ntwo\n"


def test_what_is_plain_text_enters_where_it_is_granted(nix):
    assert "FOO" not in environment(nix, *SHELL)
    assert environment(nix, *SHELL, "--env", "FOO")["FOO"] == "bar baz"
    assert environment(nix, *SHELL, "--env", "FOO", env=dict(nix.env, FOO="the host's"))["FOO"] == "the host's"
    nix.write(".claudebox/profiles/shell.toml", 'devshell = "nixpkgs#default"\nenv = ["FOO"]\n', 0o600)
    assert environment(nix, "--profile", "shell")["FOO"] == "bar baz"


def test_what_changes_other_programs_or_looks_like_a_secret_stays_out(nix):
    inside = environment(nix, *SHELL)
    assert not inside.keys() & set(REFUSED)
    for options in (("--explain",), ("--verbose",)):
        said = nix.box("plan", *options, *OFFLINE, *SHELL, "--", "true").stdout
        for name in ("FOO", *REFUSED):
            assert name in said
    record = json.loads(nix.box("plan", "--json", *OFFLINE, *SHELL, "--", "true").stdout)
    assert {"FOO", *REFUSED} <= set(record["packages"][0]["withheld"])


def test_it_is_not_run_by_its_own_hook(nix):
    nix.change('FOO = "bar baz";', 'FOO = "bar baz"; shellHook = "touch /tmp/hook; export HOOKED=1";')
    done = nix.sh('ls /tmp/hook; echo "${HOOKED-no}"', *OFFLINE, *SHELL)
    assert done.stdout == "no\n"


def test_what_is_no_dev_shell_is_said_to_be_none(nix):
    done = nix.sh("true", *OFFLINE, "--devshell", "nixpkgs#hello")
    assert done.returncode == 125
    assert "only works on derivations that use 'bash'" in done.stderr
    assert nix.entries() == []
