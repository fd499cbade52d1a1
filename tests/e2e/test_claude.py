"""The real Claude Code client in the real box, against the double of its API."""

import json
import os
import re
import shlex
import signal
import time

import pytest

from api_double import REPLY
from conftest import need


def agent_state(host):
    """The agent's state directory in the one instance that there is."""
    (instance,) = host.instances()
    return instance / "home/.claude"


def everything_said(api):
    """All that the client ever sent, as one text."""
    return json.dumps([entry["body"] for entry in api.log])


def assert_worked(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


# --- one prompt ----------------------------------------------------------------------------------------------------


def test_answers_a_prompt(claude):
    assert assert_worked(claude("-p", "hi")).stdout.strip() == REPLY


def test_runs_without_permission_prompts_and_says_so(claude):
    done = assert_worked(claude("-p", "hi", "--output-format", "stream-json", "--verbose"))
    first = next(event for event in map(json.loads, done.stdout.splitlines()) if event.get("subtype") == "init")
    assert first["permissionMode"] == "bypassPermissions"
    assert first["cwd"] == str(claude.host.project)


def test_its_exit_status_passes_through(claude):
    done = claude("--no-such-option-of-claude")
    assert done.returncode == 1
    assert "no-such-option-of-claude" in done.stderr


def test_the_users_own_state_is_left_alone(claude):
    """A run writes nothing to the user's own agent state, which here was never made."""
    assert_worked(claude("-p", "hi"))
    assert not (claude.host.home / ".claude").exists()
    assert not (claude.host.home / ".claude.json").exists()
    assert (agent_state(claude.host) / ".claude.json").is_file()


def test_starts_in_the_subdirectory_that_it_was_called_in(claude):
    below = claude.host.project / "a/b"
    below.mkdir(parents=True)
    assert_worked(claude("-p", "RUN:pwd; echo x > here", cwd=below))
    assert claude.api.tool_results[0].startswith(str(below))
    assert (below / "here").read_text() == "x\n"


# --- what its tools can do -----------------------------------------------------------------------------------------


def test_a_tool_writes_a_file_in_the_project(claude):
    assert_worked(claude("-p", "RUN:echo made by the agent > made.txt && echo done"))
    assert claude.api.tool_results == ["done"]
    assert (claude.host.project / "made.txt").read_text() == "made by the agent\n"


def test_a_tool_neither_writes_outside_nor_finds_secrets(claude):
    host = claude.host
    words = host.plant_secrets()
    outside = host.home / "other-project/planted"
    prompt = "\n".join([
        f"RUN:echo x > {outside}",
        f"RUN:echo x > {host.home}/.ssh/authorized_keys",
        "RUN:cat ~/.ssh/id_ed25519",
        f"RUN:cat {host.home}/.aws/credentials {host.home}/.netrc {host.home}/other-project/notes",
        "RUN:env; cat /proc/*/environ | tr '\\0' '\\n'",
        f"RUN:grep -rs FAKE- {host.home} /tmp /run /var /etc --exclude-dir=.claude | head",
        "RUN:echo x > /usr/bin/planted; echo x > /etc/planted; ls /root /home",
    ])
    assert_worked(claude("-p", prompt))
    results = claude.api.tool_results
    assert len(results) == 7, results
    # The tools did run: they complain, and the environment is the box's.
    assert "No such file or directory" in results[0] and "No such file or directory" in results[2]
    assert "CLAUDE_CONFIG_DIR=" in results[4]
    for name, word in words.items():
        assert word not in everything_said(claude.api), f"the agent saw the secret {name}"
    assert not outside.exists()
    assert not (host.home / ".ssh/authorized_keys").exists()
    assert not os.path.exists("/usr/bin/planted") and not os.path.exists("/etc/planted")


def test_a_variable_comes_in_when_it_is_named(claude):
    claude.host.env["SECRET_FOR_TESTS"] = "FAKE-granted"
    assert_worked(claude("-p", "RUN:echo got $SECRET_FOR_TESTS", options=("--env", "SECRET_FOR_TESTS")))
    assert claude.api.tool_results == ["got FAKE-granted"]


def test_a_shell_in_the_box_finds_it_by_name_through_any_chain_of_links(claude):
    host = claude.host
    link = host.home / ".local/bin/claude"
    (host.root / "tools").mkdir()
    (host.root / "tools/claude").symlink_to(link.readlink())
    link.unlink()
    link.symlink_to(host.root / "tools/claude")
    for _ in range(2):  # also where the first start has left its mark
        done = assert_worked(host.box("run", "--yes", *claude.options, "--", "sh", "-c", "claude -p hi"))
        assert done.stdout.strip() == REPLY
    assert assert_worked(claude("-p", "hi")).stdout.strip() == REPLY


# --- history -------------------------------------------------------------------------------------------------------


def test_history_is_kept_in_the_instance_and_found_by_continue(claude):
    assert_worked(claude("-p", "SAY:the first answer"))
    transcripts = list((agent_state(claude.host) / "projects").rglob("*.jsonl"))
    assert any("the first answer" in file.read_text() for file in transcripts)
    assert_worked(claude("--continue", "-p", "and then"))
    assert "the first answer" in json.dumps(claude.api.conversations()[-1]["messages"])
    assert len(claude.host.instances()) == 1


def test_a_second_project_sees_none_of_it(claude):
    assert_worked(claude("-p", "SAY:only for the first project"))
    second = claude.host.repository(claude.host.home / "second")
    before = len(claude.api.log)
    # With nothing to continue the client begins anew.
    assert_worked(claude("--continue", "-p", "RUN:ls ~/.claude/projects\nRUN:ls ~/.claudebox", cwd=second))
    assert "only for the first project" not in json.dumps([e["body"] for e in claude.api.log[before:]])
    assert re.fullmatch(r"\S*-second", claude.api.tool_results[0])
    assert "No such file" in claude.api.tool_results[1]
    assert len(claude.host.instances()) == 2


def test_a_worktree_shares_the_instance_and_can_commit(claude):
    host = claude.host
    tree = host.home / "tree"
    assert_worked(claude("-p", "SAY:said in the main tree"))
    host.git("worktree", "add", "-q", "-b", "topic", str(tree))
    assert_worked(claude("-p", "RUN:echo x > new && git add new && git commit -q -m 'From the box' && git log --oneline",
                         cwd=tree))
    assert "From the box" in claude.api.tool_results[0]
    assert host.git("log", "-1", "--format=%s %an <%ae>", "topic").strip() == "From the box Test Person <person@example.org>"
    assert host.git("status", "--porcelain", cwd=tree) == ""
    assert len(host.instances()) == 1
    assert any("said in the main tree" in file.read_text() for file in agent_state(host).rglob("*.jsonl"))


# --- the user's own configuration ----------------------------------------------------------------------------------


def test_the_agent_is_told_where_it_is(claude):
    assert_worked(claude("-p", "hi", options=("--mount", "/usr/share/doc:/reference:ro")))
    said = everything_said(claude.api)
    assert "You run in a sandbox (claudebox)" in said
    assert f"`{claude.host.project}` is the project" in said
    assert "`/reference`: granted by the user, read-only" in said
    assert "Network: full" in said


def test_the_users_memory_skills_and_commands_are_there_and_read_only(claude):
    host = claude.host
    memory = host.write(".claude/CLAUDE.md", "Prefer the word-of-the-user.\n@EXTRA.md\n")
    host.write(".claude/EXTRA.md", "An imported-word.\n")
    host.write("dotfiles/skill/SKILL.md", "---\nname: linked\ndescription: the linked-skill-word\n---\nText\n")
    host.write(".claude/skills/mine/SKILL.md", "---\nname: mine\ndescription: the own-skill-word\n---\nText\n")
    (host.home / ".claude/skills/linked").symlink_to(host.home / "dotfiles/skill")
    host.write(".claude/commands/zap.md", "---\ndescription: zap\n---\nZap\n")
    host.write(".claude/.credentials.json", '{"claudeAiOauth": {"accessToken": "FAKE-credential"}}', 0o600)
    host.write(".claude/history.jsonl", "FAKE-history\n")
    prompt = "\n".join(["RUN:echo more >> ~/.claude/CLAUDE.md", "RUN:rm -rf ~/.claude/skills/mine; ls ~/.claude/skills",
                        "RUN:cat ~/.claude/.credentials.json ~/.claude/history.jsonl"])
    done = assert_worked(claude("-p", prompt, "--output-format", "stream-json", "--verbose"))
    first = next(event for event in map(json.loads, done.stdout.splitlines()) if event.get("subtype") == "init")
    assert "zap" in first["slash_commands"]
    said = everything_said(claude.api)
    for word in ("word-of-the-user", "imported-word", "own-skill-word", "linked-skill-word"):
        assert word in said, word
    assert "FAKE-credential" not in said and "FAKE-history" not in said
    assert "Read-only file system" in claude.api.tool_results[0]
    assert "mine" in claude.api.tool_results[1]
    assert memory.read_text() == "Prefer the word-of-the-user.\n@EXTRA.md\n"


def test_settings_come_in_without_secrets_and_helpers(claude):
    host = claude.host
    settings = {"apiKeyHelper": "touch HELPER-RAN; echo fake", "env": {"A_TOKEN": "FAKE-token", "A_CHOICE": "chosen"},
                "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "~/.claude/hooks/end.sh"}]}]}}
    host.write(".claude/settings.json", json.dumps(settings))
    host.write(".claude/hooks/end.sh", "#!/bin/sh\ntouch HOOK-RAN\n", 0o755)
    assert_worked(claude("-p", "RUN:echo $A_TOKEN/$A_CHOICE; cat ~/.claude/settings.json"))
    assert claude.api.tool_results[0].startswith("/chosen")
    assert "FAKE-token" not in everything_said(claude.api)
    assert "FAKE-token" not in (agent_state(host) / "settings.json").read_text()
    assert not (host.project / "HELPER-RAN").exists()
    assert (host.project / "HOOK-RAN").exists(), "a hook of the user's runs in the box"
    assert json.loads((host.home / ".claude/settings.json").read_text()) == settings


def test_plugins_of_the_user_work_from_the_first_session(claude):
    host = claude.host
    plugins = host.home / ".claude/plugins"
    for place in ("marketplaces/mk/plug", "cache/mk/plug/1.0.0"):
        host.write(f".claude/plugins/{place}/.claude-plugin/plugin.json",
                   '{"name": "plug", "version": "1.0.0", "description": "d"}')
        host.write(f".claude/plugins/{place}/commands/zap.md", "---\ndescription: zap\n---\nZap\n")
    host.write(".claude/plugins/marketplaces/mk/.claude-plugin/marketplace.json", json.dumps(
        {"name": "mk", "owner": {"name": "o"},
         "plugins": [{"name": "plug", "source": "./plug", "version": "1.0.0", "description": "d"}]}))
    when = {"installedAt": "2026-01-01T00:00:00.000Z", "lastUpdated": "2026-01-01T00:00:00.000Z"}
    host.write(".claude/plugins/known_marketplaces.json", json.dumps({"mk": {
        "source": {"source": "directory", "path": str(plugins / "marketplaces/mk")},
        "installLocation": str(plugins / "marketplaces/mk"), "lastUpdated": when["lastUpdated"]}}))
    host.write(".claude/plugins/installed_plugins.json", json.dumps({"version": 2, "plugins": {
        "plug@mk": [{"scope": "user", "installPath": str(plugins / "cache/mk/plug/1.0.0"), "version": "1.0.0", **when}],
        "gone@mk": [{"scope": "local", "projectPath": "/the/other/project", "installPath": "/x", "version": "1", **when}],
    }}))
    host.write(".claude/settings.json", '{"enabledPlugins": {"plug@mk": true}}')
    done = assert_worked(claude("-p", "RUN:cat ~/.claude/plugins/installed_plugins.json", "--output-format",
                                "stream-json", "--verbose"))
    first = next(event for event in map(json.loads, done.stdout.splitlines()) if event.get("subtype") == "init")
    assert "plug:zap" in first["slash_commands"]
    assert "plug@mk" in claude.api.tool_results[0]
    assert "/the/other/project" not in claude.api.tool_results[0]


# --- interactive ---------------------------------------------------------------------------------------------------


@pytest.fixture
def session(claude, terminal):
    """An interactive client in a shell of a real terminal, at its prompt."""
    terminal.start()
    terminal.wait_for(r"^READY\$$")
    terminal.line("clear; " + shlex.join(claude.command()))
    terminal.wait_for(r"bypass permissions on", timeout=60)
    return terminal


def say(session, text: str) -> None:
    """Has the client echo `text`. A busy client has once taken the Enter behind a prompt for a new line, on a terminal
    that claudebox hands through untouched, so Enter goes by itself and is pressed again."""
    session.type(f"SAY:{text}")
    session.wait_for(f"SAY:{text}", history=0)
    for _ in range(3):
        session.keys("Enter")
        if session.sees(f"● {text}", timeout=10):
            return
    session.wait_for(f"● {text}", timeout=0)


def test_a_first_start_asks_nothing(session):
    screen = session.screen(200)
    for question in (r"(?i)theme", r"(?i)trust", r"(?i)custom API key", r"(?i)Enter to confirm", r"(?i)login method"):
        assert not re.search(question, screen), f"{question}:\n{screen}"


def test_a_first_start_asks_nothing_about_the_projects_servers_and_imports(claude, terminal):
    (claude.host.project / ".mcp.json").write_text('{"mcpServers": {"s": {"command": "cat", "args": []}}}')
    (claude.host.project / "CLAUDE.md").write_text("See @/usr/share/common-licenses/BSD\n")
    terminal.start(*claude.command())
    terminal.wait_for(r"bypass permissions on", timeout=60)
    assert "Enter to confirm" not in terminal.screen()


@pytest.mark.parametrize("kind", ["worktree", "worktree of a bare repository", "no repository", "subdirectory"])
def test_a_first_start_asks_nothing_whatever_the_project_is(claude, terminal, kind):
    host = claude.host
    where = host.home / "elsewhere"
    if kind == "worktree":
        host.git("worktree", "add", "-q", str(where))
    elif kind == "worktree of a bare repository":
        host.git("clone", "-q", "--bare", str(host.project), str(host.home / "bare.git"))
        host.git("worktree", "add", "-q", str(where), cwd=host.home / "bare.git")
    elif kind == "no repository":
        where.mkdir()
    else:
        where = host.project / "a/b"
        where.mkdir(parents=True)
    terminal.start(*claude.command(), cwd=where)
    terminal.wait_for(r"bypass permissions on|Enter to confirm", timeout=60)
    assert "Enter to confirm" not in terminal.screen()


def test_interactive_reply_resize_suspend_and_end(session):
    say(session, "hello from the double")

    session.resize(60, 20)
    session.wait_for(r"^─{60}$", history=0)
    session.resize(120, 30)
    session.wait_for(r"^─{120}$", history=0)

    session.keys("C-z")
    session.wait_for(r"^READY\$$", history=0)
    session.line("jobs -s")
    session.wait_for(r"Stopped", history=0)
    session.line("clear; fg")  # what the client draws from now on is new
    session.wait_for(r"bypass permissions on", history=0)
    say(session, "still here")

    session.keys("C-c")
    session.wait_for(r"Press Ctrl-C again to exit", history=0)
    session.keys("C-c")
    session.wait_for(r"^READY\$$")
    session.line("echo STATUS=$?")
    session.wait_for(r"^STATUS=0$")
    # The terminal is as it was: it echoes, and lines end where they should.
    session.line("echo back to' 'normal")
    session.wait_for(r"^back to normal$")


def test_a_stop_request_lets_it_tidy_up(claude, session):
    """Killed, the client would leave its entry in the registry of live sessions."""
    sessions = agent_state(claude.host) / "sessions"
    deadline = time.monotonic() + 30
    while not list(sessions.glob("*.json")):
        assert time.monotonic() < deadline, "a live session is registered"
        time.sleep(0.05)
    (supervisor,) = [pid for pid, command in claude.host.processes().items() if command.startswith(claude.host.binary)]
    os.kill(supervisor, signal.SIGTERM)
    session.wait_for(r"READY\$$", history=0)  # where the client left the cursor
    session.line("echo STATUS=$?")
    session.wait_for(r"^STATUS=143\b")  # what the client has drawn may stand behind it
    assert not list(sessions.glob("*.json"))


# --- its own sandbox -----------------------------------------------------------------------------------------------


@pytest.mark.ordinary_user
def test_its_own_sandbox_works_inside_the_box(claude):
    need("socat")
    claude.host.write(".claude/settings.json", json.dumps(
        {"sandbox": {"enabled": True, "failIfUnavailable": True, "allowUnsandboxedCommands": False}}))
    assert_worked(claude("-p", "RUN:echo runtime=$SANDBOX_RUNTIME > sandboxed; touch ~/not-here\nRUN:cat sandboxed"))
    assert claude.api.tool_results[1] == "runtime=1"
    (instance,) = claude.host.instances()
    assert not (instance / "home/not-here").exists(), "the inner sandbox keeps the box's home read-only"


@pytest.mark.root
def test_as_root_its_own_sandbox_is_switched_off_and_the_plan_says_so(claude):
    claude.host.write(".claude/settings.json", json.dumps({"sandbox": {"enabled": True, "failIfUnavailable": True}}))
    assert_worked(claude("-p", "RUN:echo runtime=$SANDBOX_RUNTIME"))
    assert claude.api.tool_results == ["runtime="]
    audit = claude.host.box("plan", "--network", "full")
    assert "a sandbox of the agent's own can't start inside" in " ".join((audit.stdout + audit.stderr).split())
