"""What a repository can do to who resolves packages from it. Each attack is first shown to work against plain nix, or on the
way that claudebox leaves open, so that a test which finds nothing has something to find.
"""

from __future__ import annotations

import base64
import hashlib
import os

import pytest

from nix_host import nix, nix_host, server  # noqa: F401
from nix_standin import SYSTEM, local_flake

pytestmark = pytest.mark.root

OFFLINE = ("--network", "offline")
HELLO = "default = hello;"


def plain(nix, *options: str) -> str:
    """What plain nix makes of the project's flake."""
    done = nix.nix("build", "--no-link", "--no-write-lock-file", *options, ".")
    return done.stderr


def resolves(nix, *options: str, package: str = ".", script: str = "hello") -> str:
    nix.trust("--package", package)
    done = nix.sh(script, *OFFLINE, *options, "--package", package)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hook_of(nix) -> str:
    """A program that leaves marks wherever it can: in files, by the daemon, over the network."""
    mark = nix.directory / "mark"
    mark.mkdir()
    mark.chmod(0o777)
    return str(nix.write("hook", f"""#!/bin/sh
for place in {mark} {nix.home} {nix.project} {nix.packages} /nix/store /nix/var/nix/gcroots /etc/nix; do
  echo x >$place/hostile-mark
done 2>/dev/null
echo x >/tmp/hostile-mark && nix-store --add /tmp/hostile-mark
cat
exit 0
""", 0o755))


def marks(nix) -> list[str]:
    done = nix.shell(f"ls -d {nix.directory}/mark/* {nix.home}/hostile* {nix.project}/hostile* {nix.packages}/hostile* "
                     "/nix/store/*hostile* /nix/var/nix/gcroots/hostile* /etc/nix/hostile* 2>/dev/null || true")
    return done.split()


@pytest.mark.parametrize("attack", ["fsmonitor", "clean", "smudge", "post-index-change"])
def test_what_a_repository_configures_reaches_nothing(nix, attack):
    hook = hook_of(nix)
    nix.write("project/notes", "text\n")
    nix.write("project/.gitattributes", "notes filter=x\n" if attack in ("clean", "smudge") else "")
    nix.flake(nix.project, HELLO)
    if attack == "fsmonitor":
        nix.git("config", "core.fsmonitor", hook)
    elif attack == "post-index-change":
        nix.git("config", "core.hooksPath", str(nix.write("hooks/post-index-change", f"#!/bin/sh\n{hook} </dev/null", 0o755).parent))
    else:
        nix.git("config", f"filter.x.{attack}", hook)
    if attack != "smudge":  # that needs a clean tree, the others one that has to be looked at
        os.utime(nix.project / "notes", (1, 1))

    assert resolves(nix) == "hello from the store\n"
    nix.box("packages", "remove", "--all")
    nix.sh("true", *OFFLINE, "--devshell", ".")
    assert marks(nix) == []

    os.utime(nix.project / "notes", (2, 2)) if attack != "smudge" else None
    plain(nix)
    if attack == "post-index-change":  # where nix adds a lock file
        nix.nix("build", "--no-link", ".")
    assert marks(nix), "the danger is real"


def test_evaluation_does_not_reach_this_machine(nix):
    content = b"x\n"
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    with server(content) as (url, asked):
        nix.flake(nix.project, 'default = lib.program "say" (builtins.readFile (builtins.fetchurl { '
                  f'url = "{url}/from-evaluation"; sha256 = "sha256-{digest}"; }}));')
        nix.trust("--package", ".")
        done = nix.sh("echo started", *OFFLINE, "--package", ".")
        assert (done.returncode, done.stdout) == (125, "")
        assert "unable to download" in done.stderr
        assert asked == []
        plain(nix)
        assert asked == ["/from-evaluation"], "the danger is real"


def test_an_input_is_not_fetched_from_this_machine(nix):
    """Not by a reference on the command line either."""
    with server(b"") as (url, asked):
        nix.write("project/flake.nix", f'{{ inputs.x.url = "{url}/input.tar.gz"; outputs = {{ self, x }}: {{ }}; }}')
        nix.git("init", "-q")
        nix.git("add", ".")
        nix.trust("--package", ".")
        assert nix.sh("true", *OFFLINE, "--package", ".").returncode == 125
        assert nix.sh("true", *OFFLINE, "--package", f"{url}/reference.tar.gz#x").returncode in (2, 125)
        assert asked == []
        plain(nix)
        assert asked, "the danger is real"


def test_a_build_of_a_single_user_reaches_nothing_of_this_machine():
    """A fixed-output derivation has a network. With a daemon that is the daemon's, and said in the threat model."""
    content = b"x\n"
    digest = hashlib.sha256(content).hexdigest()
    with nix_host("single") as nix, server(content) as (url, asked):
        nix.flake(nix.project, f'default = derivation {{ name = "fetched"; system = "builtin"; builder = "builtin:fetchurl"; '
                  f'url = "{url}/from-a-build"; outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "{digest}"; }};')
        nix.trust("--package", ".")
        assert nix.sh("true", *OFFLINE, "--package", ".").returncode == 125
        assert asked == []
        plain(nix)
        assert asked == ["/from-a-build"], "the danger is real"


def test_what_a_flake_says_of_nixs_configuration_is_not_done(nix):
    """Nor does nix ask about it on the terminal, where one might say yes to it."""
    hook = hook_of(nix)
    with server(b"") as (url, asked):
        text = local_flake('default = lib.program "say" "echo said";')
        nix.write("project/flake.nix", text.replace("{\n", f"""{{
  nixConfig = {{ post-build-hook = "{hook}"; extra-substituters = [ "{url}" ]; sandbox = false; }};
""", 1))
        nix.git("init", "-q")
        nix.git("add", ".")
        nix.trust("--package", ".")
        status, said = nix.at_terminal("run", "--yes", *OFFLINE, "--package", ".", "--", "/bin/sh", "-c", "say")
        assert status == 0 and said.endswith("said\r\n")
        assert "do you want to allow" not in said
        assert marks(nix) == [] and asked == []
        if nix.form == "single":  # of a user whom the daemon does not trust it ignores them
            nix.box("packages", "remove", "--all")
            nix.collect()
            plain(nix, "--accept-flake-config")
            assert marks(nix) or asked, "the danger is real"


def test_an_import_from_a_derivation_is_part_of_what_was_approved(nix):
    """It is built while the flake is evaluated, so not before the approval, and it changes nothing of what is compared."""
    nix.write("project/word.nix", '"said"\n')
    nix.flake(nix.project, 'default = lib.program "say" "echo ${import (lib.run "made-when-evaluated" '
              '"m cp ${./word.nix} $out" { })}";')
    assert nix.sh("true", *OFFLINE, "--package", ".").returncode == 125
    assert "made-when-evaluated" not in nix.shell("ls /nix/store 2>/dev/null || true")
    assert resolves(nix, script="say") == "said\n"
    with nix.without_nix():
        assert nix.sh("say", *OFFLINE, "--package", ".").stdout == "said\n"
    (nix.project / "word.nix").write_text('"evil"\n')
    assert nix.sh("true", *OFFLINE, "--package", ".").returncode == 125


@pytest.mark.parametrize("target", ["/etc/shadow", "../outside.nix"])
def test_a_flake_that_is_a_link_to_elsewhere_is_none(nix, target):
    nix.write("outside.nix", local_flake(HELLO))
    (nix.project / "flake.nix").symlink_to(target)
    nix.git("init", "-q")
    nix.git("add", ".")
    done = nix.sh("echo started", *OFFLINE, "--package", ".")
    assert done.returncode != 0 and done.stdout == ""


def test_a_link_in_a_flake_does_not_bring_a_file_of_the_users(nix):
    nix.write("secret", "FAKE-secret\n", 0o600)
    nix.flake(nix.project, 'default = lib.program "say" "echo ${builtins.readFile ./link}";')
    (nix.project / "link").symlink_to("../secret")
    nix.git("add", ".")
    nix.trust("--package", ".")
    done = nix.sh("say", *OFFLINE, "--package", ".")
    assert done.returncode == 125 and "FAKE-secret" not in done.stderr + done.stdout
    assert nix.shell("grep -rl FAKE-secret /nix/store || true") == ""


def test_what_git_does_not_track_is_not_copied_into_the_store(nix):
    """Every user of this machine can read the store."""
    nix.write("project/.env", "TOKEN=FAKE-token\n", 0o600)
    nix.write("project/.gitignore", ".env\n")
    nix.flake(nix.project, HELLO)
    resolves(nix)
    assert nix.shell("grep -rl FAKE-token /nix/store || true") == ""


def test_a_pipe_in_a_directory_does_not_stop_everything(nix):
    nix.flake(nix.project, HELLO, repository=False)
    os.mkfifo(nix.project / "pipe")
    (nix.project / "unreadable").touch(0)
    nix.trust("--package", ".")
    done = nix.sh("hello", *OFFLINE, "--package", ".", timeout=60)
    assert done.returncode in (0, 125) and (done.returncode == 0 or "hint:" in done.stderr), done.stderr


def test_what_nix_prints_of_a_flake_can_not_deceive_the_terminal(nix):
    nix.flake(nix.project, f'default = throw "\\u001b[2J\\u001b]0;title\\u0007{SYSTEM}";'.replace("\\u001b", "\x1b")
              .replace("\\u0007", "\x07"))
    said = nix.trust("--package", ".")
    assert "\x1b[2J" not in said and "\x07" not in said
    status, said = nix.at_terminal("run", "--yes", *OFFLINE, "--package", ".", "--", "true")
    assert status == 125 and SYSTEM in said
    assert "\x1b[2J" not in said and "\x07" not in said and "\x1b]0" not in said
