"""Packages of Nix in a box: resolved once outside of it, kept from the collector, and mounted with what they need and no more.

With a real Nix in both of its forms, and a stand-in for nixpkgs.
"""

from __future__ import annotations

import json
import os
import re

import pytest

from nix_host import REGISTRY, nix, with_daemon  # noqa: F401
from nix_standin import MANY

pytestmark = pytest.mark.root

OFFLINE = ("--network", "offline")


def run(nix, script: str, *options: str, **more) -> str:
    """What a script prints in an offline box; it has to succeed."""
    done = nix.sh(script, *OFFLINE, *options, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def record_of(nix) -> dict:
    (entry,) = nix.entries()
    return json.loads((entry / "record.json").read_text())


def test_a_package_is_on_the_path_and_only_what_it_needs_is_there(nix):
    nix.nix("build", "--no-link", "nixpkgs#two")  # in the store, and none of the box's business
    printed = run(nix, 'hello; echo "$PATH"; ls /nix /nix/store', "--package", "hello").splitlines()
    assert printed[0] == "hello from the store"
    path = printed[1].split(":")
    (own,) = (entry for entry in path if entry.startswith("/nix/store/"))
    assert own.endswith("-hello/bin")
    assert path.index(own) < path.index("/usr/bin")
    closure = nix.nix("--query", "--requisites", own.removesuffix("/bin"), program="nix-store").stdout.split()
    assert len(closure) == 2
    listed = " ".join(printed[2:]).split()
    assert listed == ["/nix:", "store", "/nix/store:", *sorted(os.path.basename(path) for path in closure)]


def test_a_large_closure_is_there_as_a_whole_and_can_not_be_written(nix):
    script = ("many; ls /nix/store | wc -l; p=$(dirname $(dirname $(command -v many))); "
              "for f in /nix/store/new $p/new $p/bin/many; do echo x 2>/dev/null >$f && echo wrote $f; done; "
              "chmod u+w $p 2>/dev/null && echo changed $p; mv $p /nix/store/else 2>/dev/null && echo moved; true")
    printed = run(nix, script, "--package", "many").splitlines()
    assert printed[0].startswith("after /nix/store/")
    assert printed[1:] == [str(MANY + 2)]


def test_a_warm_start_runs_no_nix(nix):
    options = ("--package", "hello", "--package", "nixpkgs#two", "--devshell", "nixpkgs")
    first = run(nix, "hello; two", *options)
    with nix.without_nix() as marks:
        assert run(nix, "hello; two", *options) == first == "hello from the store\ntwo\n"
        assert marks() == []
        # That a nix would have been seen:
        assert nix.sh("greeter", *OFFLINE, "--package", "greeter").returncode == 125
        assert marks()


def test_a_warm_start_starts_no_process_but_the_boxs(nix):
    script = (nix.binary, "run", "--yes", "--quiet", *OFFLINE, "--package", "hello", "--", "hello")
    assert nix.user(*script).returncode == 0
    trace = nix.directory / "trace"
    trace.touch()
    nix.own(trace)
    done = nix.user("strace", "-f", "-qq", "-e", "trace=execve,execveat", "-e", "status=successful", "-o", trace, *script)
    assert done.stdout == "hello from the store\n", done.stderr
    started = [os.path.basename(name) for name in re.findall(r'execve\(("[^"]*")', trace.read_text())]
    assert {name.strip('"') for name in started} == {"claudebox", "bwrap", "hello"}, started


def test_the_collector_takes_nothing_that_a_profile_uses(nix):
    run(nix, "many; multi", "--package", "many", "--package", "multi", "--devshell", "nixpkgs")
    other = json.loads(nix.nix("build", "--no-link", "--json", "nixpkgs#greeter").stdout)[0]["outputs"]["out"]
    assert f"deleting '{other}'" in nix.collect(), "the collector collects"
    with nix.without_nix():
        printed = run(nix, "many | head -c 5; multi; two=$WHERE; $two/bin/two", "--package", "many", "--package", "multi",
                      "--devshell", "nixpkgs")
    assert printed == "aftermulti\ntwo\n"


def test_what_is_missing_is_resolved_anew(nix):
    run(nix, "hello", "--package", "hello")
    before = record_of(nix)
    for link in before["roots"]:
        if link.startswith(str(nix.packages)):
            os.unlink(link)
    (top,) = before["outputs"]
    assert f"deleting '{top}'" in nix.collect()
    assert run(nix, "hello", "--package", "hello") == "hello from the store\n"
    assert record_of(nix)["resolved_at"] > before["resolved_at"]
    nix.collect()
    with nix.without_nix():
        run(nix, "hello", "--package", "hello")


@pytest.mark.parametrize("kind", ["ours", "the collector's"])
def test_a_root_that_was_lost_is_made_again(nix, kind):
    """The path is there still; it would not be after the next collection."""
    run(nix, "hello", "--package", "hello")
    before = record_of(nix)
    links = [link for link in before["roots"] if link.startswith(str(nix.packages)) == (kind == "ours")]
    assert links, before["roots"]
    for link in links:
        nix.shell(f"rm '{link}'")
    run(nix, "hello", "--package", "hello")
    assert record_of(nix)["resolved_at"] > before["resolved_at"]
    nix.collect()
    with nix.without_nix():
        run(nix, "hello", "--package", "hello")


def test_every_output_that_nix_installs_is_there_and_one_can_be_named(nix):
    assert run(nix, "multi", "--package", "multi") == "multi\n"
    assert run(nix, "command -v multi || multi-config", "--package", "nixpkgs#multi.dev") == "multi\n"


def test_the_command_may_be_of_a_package(nix):
    for _ in range(2):  # before and after it is resolved
        done = nix.box("run", "--yes", "--quiet", *OFFLINE, "--package", "hello", "--", "hello")
        assert (done.returncode, done.stdout) == (0, "hello from the store\n"), done.stderr
    done = nix.box("run", "--yes", "--quiet", *OFFLINE, "--package", "two", "--", "neither")
    assert done.returncode == 127


def test_profiles_and_the_command_line_add_up(nix):
    nix.write(".claudebox/profiles/tools.toml", 'packages = ["hello", "nixpkgs#two"]\n', 0o600)
    assert run(nix, "hello; two; greeter", "--profile", "tools", "--package", "greeter", "--package", "nixpkgs#hello") \
        == "hello from the store\ntwo\nhello from the store\n"
    assert len(nix.entries()) == 3


def test_a_reference_stays_what_it_was_until_it_is_updated(nix):
    """A start does not change the tools behind somebody's back."""
    run(nix, "hello", "--package", "hello")
    nix.change("hello from the store", "hello anew")
    assert run(nix, "hello", "--package", "hello") == "hello from the store\n"
    done = nix.box("packages", "update", "--package", "hello")
    assert done.returncode == 0, done.stderr
    assert run(nix, "hello", "--package", "hello") == "hello anew\n"
    nix.collect()
    with nix.without_nix():
        assert run(nix, "hello", "--package", "hello") == "hello anew\n"


def test_another_configuration_of_nix_is_another_result(nix):
    run(nix, "hello", "--package", "hello")
    (nix.etc / "nixpkgs").rename(nix.etc / "elsewhere")
    (nix.etc / "registry.json").write_text(REGISTRY.replace("/etc/nix/nixpkgs", "/etc/nix/elsewhere"))
    before = record_of(nix)
    assert run(nix, "hello", "--package", "hello") == "hello from the store\n"
    assert record_of(nix)["resolved_at"] > before["resolved_at"]


def test_packages_are_listed_and_removed(nix):
    assert "Nothing has been resolved" in nix.box("packages", "list").stderr
    run(nix, "hello", "--package", "hello", "--package", "two", "--package", "greeter")
    listed = nix.box("packages", "list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["nixpkgs#greeter", "nixpkgs#hello", "nixpkgs#two"]
    lines = json.loads(nix.box("packages", "list", "--json").stdout)["packages"]
    (hello,) = (line for line in lines if line["name"] == "nixpkgs#hello")
    assert hello["outputs"][0] in run(nix, "command -v hello", "--package", "hello")
    for name in ("hello", "nixpkgs#greeter"):
        done = nix.box("packages", "remove", name)
        assert done.returncode == 0, done.stderr
    assert [entry["name"] for entry in json.loads(nix.box("packages", "list", "--json").stdout)["packages"]] \
        == ["nixpkgs#two"]
    assert f"deleting '{hello['outputs'][0]}'" in nix.collect()
    assert nix.box("packages", "remove", "hello").returncode == 1
    assert nix.box("packages", "remove", "--all").returncode == 0
    assert nix.entries() == []
    assert run(nix, "two", "--package", "two") == "two\n"


def test_a_plan_says_what_is_there_and_runs_no_nix(nix):
    with nix.without_nix() as marks:
        for command in (("plan",), ("run", "--dry-run"), ("plan", "--json"), ("plan", "--explain")):
            done = nix.box(*command, *OFFLINE, "--package", "hello", "--", "true")
            assert done.returncode == 0, done.stderr
            assert "nixpkgs#hello" in done.stdout + done.stderr
        assert marks() == [] and not nix.packages.exists()
    before = json.loads(nix.box("plan", "--json", *OFFLINE, "--package", "hello", "--", "true").stdout)
    run(nix, "hello", "--package", "hello")
    after = json.loads(nix.box("plan", "--json", *OFFLINE, "--package", "hello", "--", "true").stdout)
    assert [package["resolved"] for package in before["packages"] + after["packages"]] == [False, True]


def test_the_whole_store_is_there_where_it_is_granted(nix):
    nix.nix("build", "--no-link", "nixpkgs#two")
    printed = run(nix, "hello; ls /nix/store | wc -l", "--package", "hello", "--mount", "/nix/store:ro").splitlines()
    assert printed[0] == "hello from the store" and int(printed[1]) > 2


def test_the_daemons_socket_and_packages_go_together(with_daemon):
    printed = run(with_daemon, "hello; nix --extra-experimental-features nix-command store ping", "--package", "hello",
                  "--nix-daemon", "--nix-daemon-network")
    assert printed.startswith("hello from the store\n")


def test_nothing_of_it_is_anybody_elses(nix):
    run(nix, "hello", "--package", "hello")
    (entry,) = nix.entries()
    for path in (nix.packages, entry, entry / "record.json"):
        assert path.stat().st_mode & 0o077 == 0, path
    # A record that others may write is none.
    (entry / "record.json").chmod(0o666)
    with nix.without_nix():
        assert nix.sh("hello", *OFFLINE, "--package", "hello").returncode == 125
    assert run(nix, "hello", "--package", "hello") == "hello from the store\n"
