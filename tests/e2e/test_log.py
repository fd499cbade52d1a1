"""The record of a session and `claudebox log` (LOG-1, NET-7). What a gateway reports is put into the record by hand here;
that it is reported is tested with the network tiers."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

import pytest

from conftest import TIMEOUT
from test_instances import Held
from test_plan import documented, fields

EVIL = "evil\n\x1b]0;owned\x07\x9b2J\u202e.test"
EVENTS = [
    {"kind": "lookup", "time": 1000, "name": "api.test", "type": "A", "result": "answered",
     "addresses": ["198.51.100.80"]},
    {"kind": "lookup", "time": 1000, "name": EVIL, "type": "A", "result": "refused"},
    {"kind": "reached", "time": 2000, "protocol": "tcp", "address": "198.51.100.80", "port": 443, "bytes_out": 2048,
     "bytes_in": 1024},
    {"kind": "denied", "time": 3000, "protocol": "tcp", "address": "169.254.169.254", "port": 80, "count": 2,
     "reason": "cloud metadata"},
    {"kind": "denied", "time": 4000, "protocol": "tcp", "address": "169.254.169.254", "port": 80, "count": 1,
     "reason": "cloud metadata"},
    {"kind": "incident", "time": 5000, "reason": "slirp4netns was replaced"},
]


def records(host):
    return sorted((host.instances()[0] / "sessions").glob("*.jsonl"))


def put(record, *events):
    with record.open("a") as file:
        for event in events:
            file.write(json.dumps(event) + "\n")


@pytest.fixture
def session(host):
    """A session that has ended, with something of everything in its record."""
    assert host.run("sh", "-c", "exit 3").returncode == 3
    record = records(host)[0]
    start, end = record.read_text().splitlines()
    record.write_text("\n".join([start, *map(json.dumps, EVENTS), end]) + "\n")
    return record


def harmless(text: str) -> bool:
    return all(c == "\n" or (c.isprintable() and c != "\u202e") for c in text)


@pytest.mark.parametrize("network", ["full", "offline"])
def test_every_box_leaves_a_record(host, network):
    assert host.run("sh", "-c", "exit 3", network=network).returncode == 3
    record = records(host)[0]
    assert re.fullmatch(r"\d{8}T\d{6}Z-\d+\.jsonl", record.name)
    assert record.stat().st_mode & 0o777 == 0o600
    shown = host.box("log", "--json")
    assert shown.returncode == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert told["id"] == record.stem
    assert (told["network"], told["status"], told["outcome"]) == (network, 3, "exited")
    assert told["started"] <= told["ended"] and not told["running"]


def test_a_box_that_was_killed_has_no_end(host):
    with Held(host) as held:
        assert "it is running" in host.box("log").stdout
        held.kill()
    assert "it was killed" in host.box("log").stdout
    assert "ended" not in json.loads(host.box("log", "--json").stdout)


def test_a_person_sees_names_destinations_and_denials(host, session):
    text = host.box("log").stdout
    assert re.search(r"api\.test  A answered 198\.51\.100\.80", text)
    assert re.search(r"tcp 198\.51\.100\.80:443 \(api\.test\)  2\.0 KiB out, 1\.0 KiB in", text)
    assert re.search(r"tcp 169\.254\.169\.254:80  3 times: cloud metadata", text)
    assert "slirp4netns was replaced" in text and "exit status 3" in text and session.stem in text
    denied = host.box("log", "--denied").stdout
    assert "169.254.169.254:80" in denied and "refused: not on the allowlist" in denied
    assert "api.test" not in denied and "slirp4netns" not in denied


def test_nothing_that_a_box_made_up_reaches_a_terminal(host, session):
    for options in [], ["--denied"], ["--follow"], ["--json"], ["--follow", "--json"]:
        done = host.box("log", *options)
        assert "evil" in done.stdout
        assert harmless(done.stdout), options
        assert harmless(done.stderr), options


def test_json_is_as_documented(host, session):
    record = json.loads(host.box("log", "--json").stdout)
    table = documented("log --json")
    seen = dict(fields(record))
    assert {field: table.get(field, ("missing",))[0] for field in seen} == seen
    assert not [field for field, (_, optional) in table.items() if not optional and field not in seen]
    assert record["denied"] == [{"time": 3000, "protocol": "tcp", "address": "169.254.169.254", "port": 80,
                                 "incoming": False, "reason": "cloud metadata", "count": 3}]
    only = json.loads(host.box("log", "--json", "--denied").stdout)
    assert only["reached"] == [] and [each["name"] for each in only["lookups"]] == [EVIL]


def test_json_lines_are_as_documented(host, session):
    lines = [json.loads(line) for line in host.box("log", "--follow", "--json").stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["session", "lookup", "lookup", "reached", "denied", "denied",
                                                "incident", "end"]
    table = documented("log --follow --json")
    seen = {field: kind for line in lines for field, kind in fields(line)}
    assert {field: table.get(field, ("missing",))[0] for field in seen} == seen
    assert not [field for field, (_, optional) in table.items() if not optional and field not in seen]


def test_denials_are_followed_live_until_the_session_ends(host):
    with Held(host):
        follower = host.popen("log", "--denied", "--follow", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "offline" in follower.stdout.readline()
        put(records(host)[0], EVENTS[0], EVENTS[3])
        assert "169.254.169.254:80  2 times: cloud metadata" in follower.stdout.readline()
        put(records(host)[0], EVENTS[2], EVENTS[1])
        assert "refused" in follower.stdout.readline()
        assert follower.poll() is None
    rest, errors = follower.communicate(timeout=TIMEOUT)
    assert "it ended, exit status 0" in rest and not errors
    assert follower.returncode == 0


def test_following_ends_when_the_box_is_killed_and_on_ctrl_c(host):
    with Held(host) as held:
        first, second = (host.popen("log", "--follow", stdout=subprocess.PIPE, text=True) for _ in range(2))
        first.stdout.readline()
        second.stdout.readline()
        first.send_signal(signal.SIGINT)
        assert first.wait(TIMEOUT) == -signal.SIGINT
        first.stdout.close()
        held.kill()
    assert "it was killed" in second.communicate(timeout=TIMEOUT)[0]
    assert second.returncode == 0


def test_the_newest_is_shown_and_others_are_named(host):
    for command in "true", "false":
        host.run(command)
        time.sleep(1.1)  # ids are by the second
    older, newer = (record.stem for record in records(host))
    shown = host.box("log")
    assert newer in shown.stdout and f"1 other session of this project: {older}" in shown.stderr
    assert older in host.box("log", older).stdout
    assert older in host.box("log", older[:-1]).stdout
    both = host.box("log", older[:8])
    assert both.returncode == 1 and "several sessions begin with" in both.stderr and newer in both.stderr
    unknown = host.box("log", older[:9] + "x" + older[10:])
    assert unknown.returncode == 1 and f"did you mean {older}" in unknown.stderr
    assert older in host.box("__complete", "sessions").stdout


def test_the_one_that_runs_comes_before_newer_ones(host):
    with Held(host):
        assert host.run("true", options=("--force",)).returncode == 0
        assert "it is running" in host.box("log").stdout


def test_sessions_of_other_projects_by_their_id_only(host, session):
    other = host.repository(host.home / "other")
    none = host.box("log", cwd=other)
    assert none.returncode == 1 and "no session of this project" in none.stderr
    assert session.stem in host.box("log", session.stem, cwd=other).stdout
    assert session.stem in host.box("log", "--project", str(host.project), cwd=other).stdout
    assert session.stem in host.box("log", session.stem, cwd="/").stdout


def test_a_parallel_instance_belongs_to_its_project(host):
    assert host.run("true", options=("--instance", "second")).returncode == 0
    assert json.loads(host.box("log", "--json").stdout)["instance"].endswith("-second")
