"""What bench/rounds and bench/crowd start: a box, and plain bwrap with the very mounts of that box."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from figures import spread
from host import Host

HERE = pathlib.Path(__file__).resolve().parent


def box(host: Host, name: str, tier: str, *options: str, project: pathlib.Path | None = None,
        command: tuple[str, ...] = ("/bin/true",)) -> dict:
    return {"name": name, "argv": [*host.box_words(tier, *options), *command],
            "environment": [f"{key}={value}" for key, value in host.environment().items()],
            "directory": str(project or host.project)}


def logins(host: Host, tier: str) -> list[dict]:
    """The same box without and with the broker's login: an agent, and a credential that is good for hours."""
    program = host.home / ".local/share/claude/versions/2.1.330"
    program.parent.mkdir(parents=True)
    shutil.copy("/bin/true", program)
    tools = host.home / "tools"
    tools.mkdir()
    (tools / "claude").symlink_to(program)
    kept = host.home / "login"
    kept.mkdir()
    login = {"accessToken": "fake", "refreshToken": "fake", "expiresAt": int((time.time() + 8 * 3600) * 1000)}
    (kept / ".credentials.json").write_text(json.dumps({"claudeAiOauth": login}))
    environment = {**host.environment(str(tools)), "CLAUDE_SECURESTORAGE_CONFIG_DIR": str(kept)}
    return [dict(box(host, f"claudebox {tier}, --auth {mode}", tier, "--quiet", "--auth", mode),
                 environment=[f"{key}={value}" for key, value in environment.items()]) for mode in ("none", "broker")]


def plain_bwrap(host: Host, name: str, tier: str, command: tuple[str, ...] = ("/bin/true",)) -> dict:
    """bwrap alone with what `claudebox plan` says: the printed command is run once with a recorder in its place.

    bwrap knows two networks only, the host's and none. Where the tier has a gateway it gets the host's."""
    place = host.root / f"recorder-{name.replace(' ', '-')}"
    place.mkdir()
    shutil.copy(HERE / "record_bwrap", place / "bwrap")
    allow = ["--allow", "example.org"] if tier == "allowlist" else []
    host.own(place)
    script = host.run("plan", "--quiet", "--network", tier, *allow, "--", *command, first=str(place))
    subprocess.run([*host.prefix, "/bin/bash", "-c", script], cwd=host.project, env=host.environment(str(place)), check=True,
                   stdin=subprocess.DEVNULL)
    recorded = json.loads((place / "recorded.json").read_text())
    # claudebox makes inert files in .git for the life of a box; plain bwrap gets a project that has them already.
    twin = host.project.with_name("twin")
    if not twin.exists():
        shutil.copytree(host.project, twin)
        for word in recorded["argv"]:
            if word.startswith(f"{host.project}/") and not os.path.lexists(word):
                (twin / os.path.relpath(word, host.project)).write_text("../.git\n")
        host.own(twin)
    argv = [word.replace(str(host.project), str(twin)) for word in recorded["argv"]]
    if tier in ("internet", "allowlist"):
        argv.remove("--unshare-net")
    return {"name": name, "argv": [host.bwrap, *argv], "environment": [], "directory": str(twin), "open": recorded["open"]}


def interleaved(host: Host, rounds: int, cases: list[dict]) -> dict:
    """Each case from its start to its exit, in milliseconds."""
    spec = host.root / "spec.json"
    spec.write_text(json.dumps({"rounds": rounds, "warm_up": 5, "cases": cases}))
    done = subprocess.run([*host.prefix, host.build / "bench/rounds", spec], check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    for name, one in result.items():
        if one["failed"]:
            sys.exit(f"bench: {name} failed in {one['failed']} of {rounds} rounds")
    return {case["name"]: spread(result[case["name"]]["ms"]) for case in cases}
