"""The mode broker: a box is logged in with an access token alone, which is kept fresh from outside (AUTH-1, AUTH-4, AUTH-5).
With the real client on the host and in the boxes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

import descendants
from api_double import REPLY
from login_double import BLANK, credential
from login_host import WATCH, authority, logins, net, tokens, wait_until, where  # noqa: F401

SHOW = 'cat "$CLAUDE_SECURESTORAGE_CONFIG_DIR"/.credentials.json'
LATEST = WATCH.replace("while True:", "for _ in range(1):")


def assert_worked(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


# --- what a box has -------------------------------------------------------------------------------------------------


def test_a_prompt_is_answered_with_the_login_of_the_host(logins):
    pair = logins.log_in()
    assert assert_worked(logins.claude("-p", "hi")).stdout.strip() == REPLY
    (said, *_) = logins.api.requests("/v1/messages")
    assert said["credential"] == f"Bearer {pair.access}"
    assert not logins.tokens.asked, "nothing had to be renewed"


@pytest.mark.parametrize("network", ["internet", "offline", "full"])
def test_a_box_has_the_access_token_and_nothing_else(logins, network):
    pair = logins.log_in(laterField="fake-secret-of-a-later-client", refreshTokenOfLater="fake-refresh-later")
    done = logins.where.sh(f"{SHOW}; stat -c %a $CLAUDE_SECURESTORAGE_CONFIG_DIR/.credentials.json", network=network)
    text, mode = assert_worked(done).stdout.splitlines()
    login = json.loads(text)
    assert list(login) == ["claudeAiOauth"]
    assert set(login["claudeAiOauth"]) == {"accessToken", "expiresAt", "scopes", "subscriptionType", "rateLimitTier"}
    assert login["claudeAiOauth"]["accessToken"] == pair.access
    assert mode == "600"


def test_no_box_can_change_it(logins):
    logins.log_in()
    done = logins.where.sh(
        "cd $CLAUDE_SECURESTORAGE_CONFIG_DIR; for act in 'echo x >.credentials.json' 'touch new' 'mkdir .oauth_refresh.lock' "
        "'rm .credentials.json' 'mv .credentials.json other' 'chmod 666 .credentials.json' 'mount -o remount,rw .'; do "
        "(eval $act) 2>/dev/null && echo \"could: $act\"; done; unshare -Urm sh -c "
        "'mount -o remount,bind,rw . && echo x >.credentials.json && echo could in a namespace'; ls -A")
    assert done.stdout == ".credentials.json\n", done


def test_its_tools_find_no_refresh_token_anywhere(logins):
    """In files, environments and memory-backed files of the box, and in what claudebox leaves behind."""
    pair = logins.log_in()
    logins.host.write(".claude.json", json.dumps({"oauthAccount": {"emailAddress": "fake@example.org"},
                                                  "projects": {"/secret/project": {}}, "primaryApiKey": pair.refresh}))
    word = "'fake-[r]efresh'"  # a pattern that does not match itself: it stands in the arguments of what looks for it
    prompt = "\n".join([
        f"RUN:grep -rsl {word} / --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev; echo searched",
        f"RUN:cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n' | grep -a {word}; echo searched",
        "RUN:for fd in /proc/[0-9]*/fd/*; do test -f $fd && timeout 1 head -c 65536 $fd; done 2>/dev/null "
        f"| grep -ac {word}; echo searched"])
    assert_worked(logins.claude("-p", prompt))
    assert [result.split() for result in logins.api.tool_results] == [["searched"], ["searched"], ["0", "searched"]]
    assert pair.refresh not in json.dumps([entry["body"] for entry in logins.api.log])
    assert not logins.holds_a_token()


def test_the_account_comes_along_and_nothing_else_of_the_users_state(logins):
    logins.log_in()
    account = {"accountUuid": "fake-uuid", "emailAddress": "fake@example.org", "organizationName": "Fake Organisation",
               "sessionToken": "fake-session-secret", "nested": {"token": "fake-nested"}}
    logins.host.write(".claude.json", json.dumps({"projects": {"/secret/project": {"history": ['"oauthAccount": {']}},
                                                  "userID": "fake-user-id", "oauthAccount": account}))
    done = assert_worked(logins.where.sh("cat ~/.claude/.claude.json"))
    state = json.loads(done.stdout)
    assert state["oauthAccount"] == {name: account[name] for name in ("accountUuid", "emailAddress", "organizationName")}
    for word in ("secret", "fake-user-id", "fake-nested"):
        assert word not in done.stdout


def test_it_lies_in_memory_that_only_the_box_has(logins):
    """Seen from the host there is nothing, also while the box lives and after its supervisor was killed."""
    pair = logins.log_in()
    box = logins.box()
    assert box.stdout.readline().split() == [pair.access, "False"]
    assert not logins.holds_a_token()
    box.kill()
    box.wait(10)
    assert not logins.holds_a_token()


def test_the_audit_says_which_login_and_until_when_and_shows_no_token(logins):
    pair = logins.log_in(left=7200)
    done = assert_worked(logins.where.claudebox("plan", "--explain"))
    text = " ".join(done.stdout.split())
    assert "login yours on this host (max), without its refresh token" in text
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(logins.login()["expiresAt"] / 1000))
    assert f"valid until {until}, renewed on the host" in text
    record = assert_worked(logins.where.claudebox("plan", "--json")).stdout
    login = json.loads(record)["login"]
    assert (login["mode"], login["expired"], login["directory"]) == ("broker", False, str(logins.directory))
    for token in (pair.access, pair.refresh):
        assert token not in done.stdout + done.stderr + record


# --- renewal --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [-3600, 60])
def test_at_the_start_a_login_that_runs_out_is_renewed_on_the_host(logins, left):
    old = logins.log_in(left)
    assert_worked(logins.claude("-p", "hi"))
    assert logins.tokens.asked == [(old.refresh, 200)]
    assert logins.login()["refreshToken"] == logins.tokens.newest().refresh
    assert {said["credential"] for said in logins.api.requests("/v1/messages")} == {
        f"Bearer {logins.tokens.newest().access}"}
    assert logins.can_ask()


def test_a_living_box_gets_the_new_token_before_the_old_one_runs_out(logins):
    old = logins.log_in(left=274)  # the client does nothing above five minutes, and claudebox nothing above 270 seconds
    box = logins.box()
    try:
        assert box.stdout.readline().split() == [old.access, "False"]
        assert box.stdout.readline().split() == [logins.tokens.newest().access, "False"]
        assert logins.tokens.asked == [(old.refresh, 200)]
        assert box.poll() is None
    finally:
        box.terminate()
        box.wait(20)
    assert logins.can_ask()


def test_a_running_client_goes_on_with_the_new_token(logins):
    """In the middle of one long turn: the server has revoked the old one by then."""
    logins.log_in(left=276)
    done = assert_worked(logins.claude("-p", "RUN:for i in $(seq 200); do sleep 0.1; done; echo one\nRUN:echo two"))
    assert logins.api.tool_results == ["one", "two"] and done.stdout.strip() == REPLY
    used = [said["credential"] for said in logins.api.requests("/v1/messages") if said["status"] == 200]
    assert len(logins.tokens.asked) == 1 and len(set(used)) == 2
    assert not [said for said in logins.api.requests("/v1/messages") if said["status"] == 401]


def test_many_boxes_and_the_host_come_to_one_renewal(logins):
    old = logins.log_in(left=275)
    boxes = [logins.box(WATCH, "--instance", f"n{number}") for number in range(6)]
    try:
        host = subprocess.Popen([logins.host.home / ".local/bin/claude", "-p", "hi"], env=logins.host.env,
                                cwd=logins.host.project, preexec_fn=logins.where.enter, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for box in boxes:
            assert box.stdout.readline().split() == [old.access, "False"]
            assert box.stdout.readline().split()[0] == logins.tokens.newest().access
        assert host.wait(60) == 0
        assert logins.tokens.asked == [(old.refresh, 200)]
    finally:
        for box in boxes:
            box.terminate()
        for box in boxes:
            box.wait(20)


def test_a_renewal_outlives_the_box_and_a_supervisor_that_is_killed(logins):
    """The server has used up the old token when the supervisor dies: the client must still write the new one down."""
    old = logins.log_in(left=100)
    logins.tokens.delay = 3
    box = logins.box()
    wait_until(lambda: logins.tokens.asked)
    box.kill()
    box.wait(10)
    wait_until(lambda: logins.login()["refreshToken"] != old.refresh)
    assert logins.tokens.asked == [(old.refresh, 200)]
    logins.tokens.delay = 0
    wait_until(lambda: not [c for c in descendants.below(os.getpid()).values() if "mcp list" in c])
    assert logins.can_ask()


def test_a_token_server_that_fails_costs_nobody_the_login(logins):
    old = logins.log_in(left=200)
    logins.tokens.failing = 500
    box = logins.box()
    try:
        assert box.stdout.readline().split() == [old.access, "False"]
        wait_until(lambda: logins.tokens.asked)
        logins.tokens.failing = 0
        assert box.stdout.readline().split() == [logins.tokens.newest().access, "False"]
    finally:
        box.terminate()
        box.wait(20)
    assert logins.can_ask() and not logins.tokens.used_twice()


def test_a_token_that_has_run_out_meanwhile_is_renewed_at_once(logins):
    """As after hours with the lid closed. That the timer is on the wall clock, which goes on meanwhile, is tested with the loop."""
    pair = logins.log_in()
    box = logins.box()
    try:
        assert box.stdout.readline().split()[0] == pair.access
        logins.write(credential(pair, -60))
        assert box.stdout.readline().split()[0] == logins.tokens.newest().access
        assert logins.tokens.asked == [(pair.refresh, 200)]
    finally:
        box.terminate()
        box.wait(20)


# --- what becomes of the host's login -------------------------------------------------------------------------------


def test_another_login_on_the_host_is_followed(logins):
    logins.log_in()
    box = logins.box()
    try:
        box.stdout.readline()
        other = logins.log_in()
        assert box.stdout.readline().split() == [other.access, "False"]
    finally:
        box.terminate()
        box.wait(20)


@pytest.mark.parametrize("what", ["removed", "blank", "garbage", "directory renamed"])
def test_a_box_keeps_its_token_when_the_hosts_login_goes_and_takes_the_next_one(logins, what):
    pair = logins.log_in()
    box = logins.box()
    try:
        assert box.stdout.readline().split()[0] == pair.access
        if what == "removed":
            logins.file.unlink()
        elif what == "directory renamed":
            logins.directory.rename(logins.host.home / "elsewhere")
        else:
            logins.write(BLANK if what == "blank" else "{")
        time.sleep(0.5)
        other = logins.log_in()
        assert box.stdout.readline().split() == [other.access, "False"], "nothing blank in between"
    finally:
        box.terminate()
        box.wait(20)
    assert "the login on the host" in logins.said_in_the_log()


def test_logging_out_in_a_box_logs_nobody_out(logins):
    logins.log_in()
    logins.where.sh("~/.local/bin/claude auth logout; claude auth logout")
    assert not logins.tokens.revoked and not logins.tokens.asked
    assert logins.can_ask()


def test_check_reports_the_login(logins):
    def part() -> dict:
        parts = json.loads(logins.where.claudebox("check", "--json").stdout)["parts"]
        return next(part for part in parts if part["name"] == "login")

    assert part()["state"] == "missing" and "you are not logged in" in part()["detail"]
    pair = logins.log_in()
    assert part()["state"] == "ok" and "you are logged in (max)" in part()["detail"]
    logins.log_in(left=-60)
    assert "renewed when a box starts" in part()["detail"] and not logins.tokens.asked
    logins.write("{")
    assert part()["state"] == "bad" and "is not a JSON object" in part()["detail"]
    assert pair.access not in json.dumps(part())


# --- where there is no login ----------------------------------------------------------------------------------------


def test_without_a_login_the_way_out_is_said_and_the_agent_starts(logins):
    logins.host.env["ANTHROPIC_API_KEY"] = "fake-key-of-the-host"
    done = logins.where.claudebox("plan")
    text = " ".join(done.stdout.split())
    assert "login none" in text and "you are not logged in: there is no ~/.claude/.credentials.json" in text
    assert "--auth env passes ANTHROPIC_API_KEY" in text and "fake-key-of-the-host" not in text


@pytest.mark.parametrize("content, said", [
    ("{", "is not a JSON object"), ('{"claudeAiOauth": []}', "of a form that this claudebox does not know"),
    ('{"claudeAiOauth": {"token": "fake-access-x"}}', "of a form that this claudebox does not know")])
def test_a_file_that_is_not_understood_is_said_and_nothing_starts(logins, content, said):
    logins.write(content)
    done = logins.claude("-p", "hi")
    assert done.returncode == 125 and said in done.stderr and "--auth none" in done.stderr, done
    assert "fake-access-x" not in done.stderr
    assert not logins.api.log
    assert logins.where.sh("echo other commands do without").returncode == 0


@pytest.mark.ordinary_user
def test_a_file_that_cant_be_read_is_said(logins):
    logins.log_in()
    logins.file.chmod(0)
    done = logins.claude("-p", "hi")
    assert done.returncode == 125 and "~/.claude/.credentials.json can't be read by you" in done.stderr


def test_a_login_that_has_run_out_for_good_is_said(logins):
    pair = logins.log_in(left=-60)
    logins.tokens.log_in()
    logins.tokens._exchange({"refresh_token": pair.refresh})  # somebody has used it
    done = logins.claude("-p", "hi")
    assert done.returncode == 125 and "nothing was started" in done.stderr and "/login" in done.stderr, done
    assert not logins.api.requests("/v1/messages")


def test_a_client_that_is_too_old_is_said(logins):
    logins.log_in()
    link = logins.host.home / ".local/bin/claude"
    program = logins.host.home / ".local/share/claude/versions/2.1.100"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    link.unlink()
    link.symlink_to(program)
    done = logins.claude("-p", "hi")
    assert done.returncode == 125 and "claude 2.1.100 is too old" in done.stderr and "2.1.144" in done.stderr


def test_without_the_client_on_the_host_there_is_no_broker(logins):
    logins.log_in()
    (logins.host.home / ".local/bin/claude").unlink()
    done = logins.where.claudebox("run", "--yes", "--auth", "broker", "--", "true")
    assert done.returncode == 125 and "--auth broker needs claude on this host" in done.stderr
    assert logins.where.sh('test -z "$CLAUDE_SECURESTORAGE_CONFIG_DIR"').returncode == 0


@pytest.mark.parametrize("typed, said", [("brokr", "did you mean broker?"), ("env:x", "unknown mode"),
                                         ("store:../x", "can't be a name"), ("", "")])
def test_a_mode_that_is_none_is_an_error(logins, typed, said):
    done = logins.where.claudebox("plan", f"--auth={typed}")
    assert done.returncode == 2 and said in done.stderr
