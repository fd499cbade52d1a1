"""A project's own .claudebox.toml: what takes away applies at once, what adds waits for a person at a terminal."""

from __future__ import annotations

import json
import os
import shutil

import pytest

FILE = ".claudebox.toml"


def plan(host, *options, **more) -> dict:
    done = host.box("plan", "--json", *options, "--", "true", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def names(record) -> set[str]:
    return {variable["name"] for variable in record["environment"] if variable["kind"] == "extra"}


def approve(host, terminal, answer="y", said=r"Approved, until it changes"):
    if not terminal.started:
        terminal.start()
    terminal.line(f"clear; {host.binary} trust")
    terminal.wait_for(r"Approve it\? \[y/N\]\s*\Z")
    screen = terminal.screen(200)
    if answer:
        terminal.type(answer)
    terminal.keys("Enter")
    terminal.wait_for(said)
    return screen


@pytest.fixture
def widening(host):
    host.env["TOKEN"] = "value"
    (host.project / FILE).write_text('network = "offline"\nenv = ["TOKEN"]\n')
    return host


def test_what_tightens_applies_and_what_widens_waits(widening):
    record = plan(widening)
    assert record["network"]["tier"] == "offline"
    assert record["network"]["origin"]["source"] == f"{FILE}:1"
    assert names(record) == set()
    assert any("claudebox trust" in note["text"] and 'env "TOKEN" (line 2)' in note["text"] for note in record["notes"])
    assert record["profiles"][-1]["kind"] == "project" and record["profiles"][-1]["waits"] is True


def test_yes_approves_nothing(widening):
    for options in (["--yes"], ["--yes", "--quiet"]):
        done = widening.box("run", *options, "--", "sh", "-c", 'echo "${TOKEN-unset}"')
        assert done.stdout == "unset\n", done.stderr
    done = widening.box("run", "--", "sh", "-c", 'echo "${TOKEN-unset}"', env=dict(widening.env, CLAUDEBOX_YES="1"))
    assert done.stdout == "unset\n", done.stderr
    done = widening.box("trust")
    assert done.returncode == 1 and "no terminal to ask on" in done.stderr
    assert widening.box("trust", "--yes").returncode == 2
    record = json.loads(widening.box("trust", "--json").stdout)
    assert record["approved"] is False and record["adds"] == [{"key": "env", "text": "TOKEN", "source": f"{FILE}:2"}]
    assert widening.box("trust", "--json", "--revoke").returncode == 2
    assert names(plan(widening)) == set()


def test_an_approval_holds_until_the_file_changes(widening, terminal):
    host = widening
    screen = approve(host, terminal)
    assert 'env = ["TOKEN"]' in screen and 'env "TOKEN" (line 2)' in screen
    assert names(plan(host)) == {"TOKEN"}
    assert host.box("run", "--yes", "--", "sh", "-c", 'echo "$TOKEN"').stdout == "value\n"
    assert "Approved already" in host.box("trust").stderr
    assert json.loads(host.box("trust", "--json").stdout)["approved"] is True
    # One byte is another text.
    host.env["OTHER"] = "x"
    (host.project / FILE).write_text('network = "offline"\nenv = ["TOKEN", "OTHER"]\n')
    assert names(plan(host)) == set()
    screen = approve(host, terminal, answer="", said="Nothing was approved")
    assert "changed since you approved it" in screen
    assert '- env = ["TOKEN"]' in screen and '+ env = ["TOKEN", "OTHER"]' in screen
    assert names(plan(host)) == set()
    # The old text is approved still.
    (host.project / FILE).write_text('network = "offline"\nenv = ["TOKEN"]\n')
    assert names(plan(host)) == {"TOKEN"}


def test_an_approval_is_of_one_path(widening, terminal):
    host = widening
    approve(host, terminal)
    copy = host.repository(host.home / "copy")
    shutil.copy2(host.project / FILE, copy / FILE)
    assert names(plan(host, cwd=copy)) == set()
    os.rename(host.project, host.home / "moved")
    assert names(plan(host, cwd=host.home / "moved")) == set()
    os.rename(host.home / "moved", host.project)
    assert names(plan(host)) == {"TOKEN"}
    assert names(plan(host, cwd=host.project / ".git")) in ({"TOKEN"}, set())


def test_an_approval_can_be_taken_back(widening, terminal):
    host = widening
    approve(host, terminal)
    assert names(plan(host)) == {"TOKEN"}
    assert "taken back" in host.box("trust", "--revoke").stderr
    assert names(plan(host)) == set()
    assert "Nothing was approved" in host.box("trust", "--revoke").stderr


def test_an_approval_that_others_may_write_stops_the_start(widening, terminal):
    host = widening
    approve(host, terminal)
    stored, = (host.home / ".claudebox/trust").iterdir()
    assert stored.stat().st_mode & 0o777 == 0o600
    stored.chmod(0o666)
    done = host.box("run", "--yes", "--", "true")
    assert done.returncode == 2 and "can be written by others" in done.stderr


def test_the_users_word_is_above_the_projects(host, terminal):
    (host.project / FILE).write_text('network = "full"\n')
    assert plan(host, "--network", "offline")["network"]["tier"] == "offline"
    approve(host, terminal)
    assert plan(host)["network"]["tier"] == "full"
    assert plan(host, "--network", "offline")["network"]["tier"] == "offline"
    assert plan(host, env=dict(host.env, CLAUDEBOX_NETWORK="offline"))["network"]["tier"] == "offline"


def test_a_box_can_neither_write_it_nor_gain_by_making_one(host):
    (host.project / FILE).write_text('nested = false\n')
    done = host.sh(f"echo 'network = \"full\"' >> {FILE}")
    assert done.returncode != 0
    (host.project / FILE).unlink()
    host.env["TOKEN"] = "value"
    done = host.sh(f"printf 'env = [\"TOKEN\"]\\n' > {FILE}")
    assert done.returncode == 0 and FILE in done.stderr.split("changed in the project")[1]
    assert names(plan(host, "--network", "offline")) == set()


def test_files_that_are_none(host):
    file = host.project / FILE
    file.write_text("network = 5\nfoo = 1\n")
    done = host.box("run", "--yes", "--network", "offline", "--", "true")
    assert done.returncode == 2 and f"{FILE}:1:11" in done.stderr and f"{FILE}:2:1" in done.stderr
    file.unlink()
    os.mkfifo(file)
    done = host.box("run", "--yes", "--network", "offline", "--", "true")
    assert done.returncode == 2 and "no file that can be read" in done.stderr
    file.unlink()
    file.symlink_to("/etc/passwd")
    done = host.box("run", "--yes", "--network", "offline", "--", "true")
    assert done.returncode == 2 and "is a symbolic link" in done.stderr


def test_in_a_subdirectory_it_is_the_roots(widening):
    (widening.project / "sub").mkdir()
    (widening.project / "sub" / FILE).write_text('nested = false\n')
    record = plan(widening, cwd=widening.project / "sub")
    assert record["network"]["tier"] == "offline" and record["box"]["nested"] is True
    record = plan(widening, "--project", str(widening.project), cwd=widening.home)
    assert record["network"]["tier"] == "offline"


def test_what_it_says_can_not_deceive_the_terminal(host, terminal):
    (host.project / FILE).write_text('# \u202e\nmounts = ["/tmp/\\u001b[2J"]\n')
    screen = approve(host, terminal, answer="n", said="Nothing was approved")
    assert "\u202e" not in screen and "not approved" in screen
