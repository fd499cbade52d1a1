"""Why no box has the user's credential file: each simple way of sharing it locks somebody out. These tests show it with the
real client, so that nobody brings one back (AUTH-4)."""

from __future__ import annotations

import json

import pytest

from login_double import credential
from login_host import authority, logins, net, tokens, where  # noqa: F401

INSIDE = "{home}/.claude/.credentials.json"


def in_a_box(logins, mode: str):
    """The client in a box into which the host's file is mounted by itself."""
    target = INSIDE.format(home=logins.host.home)
    return logins.claude("-p", "hi", options=("--auth", "none", "--mount", f"{logins.file}:{target}:{mode}"))


def test_a_copy_locks_the_other_one_out(logins):
    logins.log_in(left=-60)
    second = logins.host.root / "copied"
    (second / ".claude").mkdir(parents=True)
    (second / ".claude/.credentials.json").write_text(logins.file.read_text())
    assert logins.can_ask()
    assert logins.host_claude("-p", "hi", home=second).returncode != 0
    assert logins.tokens.used_twice()
    assert not logins.can_ask(), "a server that sees a token again may end them all"


def test_a_link_becomes_a_copy(logins):
    logins.log_in(left=-60)
    second = logins.host.root / "linked"
    (second / ".claude").mkdir(parents=True)
    link = second / ".claude/.credentials.json"
    link.symlink_to(logins.file)
    assert logins.host_claude("-p", "hi", home=second).returncode == 0
    assert not link.is_symlink(), "the client has put a file in its place"
    assert not logins.can_ask(), "the host still had the token that was used up"


def test_a_read_only_file_loses_the_login_for_everybody(logins):
    old = logins.log_in(left=-60)
    assert in_a_box(logins, "ro").returncode != 0
    assert logins.tokens.asked[0] == (old.refresh, 200), "it was used up, and the new one could not be written"
    assert logins.login()["refreshToken"] == old.refresh
    assert not logins.can_ask()


def test_a_writable_file_is_another_one_as_soon_as_the_host_renews(logins):
    """The client replaces its file: the box keeps the old one, with a token that is used up."""
    logins.log_in(left=-60)
    target = INSIDE.format(home=logins.host.home)
    script = "import sys, json; print('ready'); sys.stdin.readline(); print(json.load(open(%r))['claudeAiOauth']['refreshToken'])" % target
    with logins.where.talking(script, options=("--auth", "none", "--mount", f"{logins.file}:{target}:rw")) as box:
        old = logins.login()["refreshToken"]
        assert logins.can_ask() and logins.login()["refreshToken"] != old
        box.stdin.write("\n")
        box.stdin.flush()
        assert box.stdout.readline().strip() == old
