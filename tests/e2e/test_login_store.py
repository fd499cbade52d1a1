"""The modes store, env and none (AUTH-2, AUTH-3), and the stop of a box whose client renews its login (BOX-8). With the real
client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from api_double import REPLY
from login_double import BLANK, credential
from login_host import authority, logins, net, tokens, wait_until, where  # noqa: F401

STORE = ("--auth", "store")


def assert_worked(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def store(logins):
    """The store's file, with a login that was made in a box. `store.pair` is what it holds."""

    class Store:
        root = logins.host.home / ".claudebox/logins/claude"
        file = root / "default/store/.credentials.json"
        backup = root / "default.last-good"

        def log_in(self, left: float = 8 * 3600):
            pair = logins.tokens.log_in()
            text = credential(pair, left)
            assert_worked(logins.where.run(
                "/bin/sh", "-c", 'umask 077; cd "$CLAUDE_SECURESTORAGE_CONFIG_DIR"; cat >tmp; mv tmp .credentials.json',
                options=STORE, stdin=None, input=text))
            return pair

        def login(self) -> dict:
            return json.loads(self.file.read_text())["claudeAiOauth"]

    return Store()


# --- store ----------------------------------------------------------------------------------------------------------


def test_a_login_made_in_a_box_lasts_and_the_hosts_is_another(logins, store):
    host = logins.log_in()
    pair = store.log_in()
    assert assert_worked(logins.claude("-p", "hi", options=STORE)).stdout.strip() == REPLY
    assert {said["credential"] for said in logins.api.requests("/v1/messages")} == {f"Bearer {pair.access}"}
    assert logins.login()["accessToken"] == host.access
    assert host.access not in store.file.read_text()


def test_it_is_renewed_in_the_box_and_the_new_one_lasts(logins, store):
    old = store.log_in(left=-60)
    assert_worked(logins.claude("-p", "hi", options=STORE))
    assert logins.tokens.asked == [(old.refresh, 200)]
    assert store.login()["refreshToken"] == logins.tokens.newest().refresh
    second = logins.host.repository(logins.host.home / "second")
    done = logins.where.claudebox("--yes", *STORE, "--", "-p", "hi", cwd=second)
    assert assert_worked(done).stdout.strip() == REPLY
    assert len(logins.tokens.asked) == 1 and len(logins.host.instances()) == 2


def test_boxes_that_start_at_once_come_to_one_renewal(logins, store):
    old = store.log_in(left=-60)
    logins.tokens.delay = 1.0
    boxes = [logins.where.host.popen("--yes", "--quiet", *STORE, "--instance", f"n{number}", "--", "-p", "hi",
                                     preexec_fn=logins.where.enter, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True) for number in range(4)]
    for box in boxes:
        assert box.communicate(timeout=120)[0].strip() == REPLY
    assert logins.tokens.asked == [(old.refresh, 200)]


def test_a_box_sees_its_store_and_no_other(logins, store):
    store.log_in()
    done = logins.where.sh("find /run/claudebox -mindepth 1 | sort; grep -rs fake-access ~ | head", options=("--auth", "store:second"))
    assert done.stdout.split() == ["/run/claudebox/login", "/run/claudebox/login/store"]
    assert logins.where.sh('test -z "$CLAUDE_SECURESTORAGE_CONFIG_DIR" && ! ls /run/claudebox').returncode == 0


def test_the_last_good_login_is_kept_where_no_box_sees_it(logins, store):
    pair = store.log_in()
    assert pair.refresh in store.backup.read_text() and store.backup.stat().st_mode & 0o777 == 0o600
    done = logins.where.run("/bin/sh", "-c", 'cat >"$CLAUDE_SECURESTORAGE_CONFIG_DIR/.credentials.json"; ls -A /run/claudebox/login/..',
                            options=STORE, stdin=None, input=BLANK)
    assert assert_worked(done).stdout.split() == ["login"]
    assert pair.refresh in store.backup.read_text(), "a blank login is no good one"
    text = " ".join(logins.where.claudebox("plan", *STORE).stdout.split())
    assert "says that you are logged out; its last good one is kept in ~/.claudebox/logins/claude/default.last-good" in text


@pytest.mark.parametrize("attack", ["ln -s ../../../../.claude store", "ln -s /etc store", "touch store"])
def test_a_box_that_prepares_its_store_leads_nobody_astray(logins, store, attack):
    """The next start writes and reads there, outside of any box."""
    logins.log_in()
    store.log_in()
    logins.where.sh(f"cd /run/claudebox/login && rm -r store && {attack}", options=STORE)
    done = logins.where.sh("true", options=STORE)
    assert done.returncode == 125 and "store" in done.stderr, done
    assert logins.login()["refreshToken"] not in store.backup.read_text()


def test_the_audit_says_what_a_store_gives_away(logins, store):
    store.log_in()
    text = " ".join(logins.where.claudebox("plan", *STORE).stdout.split())
    assert "of boxes (max), in ~/.claudebox/logins/claude/default/store" in text
    assert "holds a refresh token, which every box with it can use or revoke" in text and "renewed in boxes" in text


# --- a stop while a login is being renewed --------------------------------------------------------------------------


@pytest.mark.parametrize("requests", [1, 2])
def test_a_stop_waits_for_the_renewal(logins, store, requests):
    """Ended at once, the client would lose the token that the server has used up by then."""
    old = store.log_in(left=-60)
    logins.tokens.delay = 4
    box = logins.where.host.popen("--yes", "--quiet", *STORE, "--", "-p", "RUN:sleep 100", preexec_fn=logins.where.enter,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: logins.tokens.asked)
    for _ in range(requests):
        box.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    box.wait(60)
    assert logins.tokens.asked == [(old.refresh, 200)]
    assert store.login()["refreshToken"] == logins.tokens.newest().refresh
    logins.tokens.delay = 0
    assert assert_worked(logins.claude("-p", "hi", options=STORE)).stdout.strip() == REPLY


@pytest.mark.parametrize("age, waits", [(0, True), (100, False)])
def test_a_lock_that_nobody_gives_back_delays_a_stop_only_while_it_may_be_somebodys(logins, store, age, waits):
    store.log_in()
    box = logins.box("import time; print('ready'); time.sleep(1000)", *STORE)
    lock = store.file.parent / ".oauth_refresh.lock"
    lock.mkdir()
    os.utime(lock, (time.time() - age,) * 2)
    box.terminate()
    if waits:
        with pytest.raises(subprocess.TimeoutExpired):
            box.wait(1.5)
        lock.rmdir()
    assert box.wait(10) == 128 + signal.SIGTERM


# --- env and none ---------------------------------------------------------------------------------------------------


def test_variables_come_in_when_they_are_asked_for(logins):
    logins.log_in()
    logins.host.env["CLAUDE_CODE_OAUTH_TOKEN"] = logins.tokens.log_in().access
    assert logins.where.sh('test -z "$CLAUDE_CODE_OAUTH_TOKEN"').returncode == 0
    assert assert_worked(logins.claude("-p", "hi", options=("--auth", "env"))).stdout.strip() == REPLY
    said = {entry["credential"] for entry in logins.api.requests("/v1/messages")}
    assert said == {f"Bearer {logins.host.env['CLAUDE_CODE_OAUTH_TOKEN']}"}
    plan = logins.where.claudebox("plan", "--auth", "env")
    assert "by CLAUDE_CODE_OAUTH_TOKEN" in plan.stdout
    assert logins.host.env["CLAUDE_CODE_OAUTH_TOKEN"] not in plan.stdout


def test_a_variable_that_is_granted_is_the_login(logins):
    logins.log_in()
    done = logins.where.sh('echo $ANTHROPIC_API_KEY; echo "${CLAUDE_SECURESTORAGE_CONFIG_DIR-none}"',
                           options=("--env", "ANTHROPIC_API_KEY=fake-key"))
    assert done.stdout.split() == ["fake-key", "none"]


def test_env_without_a_variable_is_an_error(logins):
    logins.log_in()
    done = logins.where.claudebox("run", "--yes", "--auth", "env", "true")
    assert done.returncode == 125 and "ANTHROPIC_API_KEY" in done.stderr


def test_none_is_nothing(logins):
    logins.log_in()
    done = logins.where.sh("grep -rs fake-access ~ /run; env | grep -i fake; echo searched", options=("--auth", "none"))
    assert done.stdout == "searched\n"
    assert logins.claude("-p", "hi", options=("--auth", "none")).returncode != 0
    assert not [said for said in logins.api.requests("/v1/messages") if said["status"] == 200]
