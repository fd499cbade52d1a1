"""A local flake is a program: evaluated after a person approved it at a terminal, as it was then, and never otherwise."""

from __future__ import annotations

import shutil

import pytest

from nix_host import nix, nix_host  # noqa: F401
from nix_standin import local_flake

pytestmark = pytest.mark.root

OFFLINE = ("--network", "offline")


@pytest.fixture
def project(nix):
    """A project whose flake has a package that says what is in a file of it."""
    nix.write("project/word.nix", '"said"\n')
    nix.write("project/notes", "not read by it\n")
    nix.flake(nix.project, 'default = lib.program "say" "echo ${import ./word.nix}"; hello = hello;',
              'default = lib.shell { tools = [ hello ]; WORD = "${hello}"; };')
    return nix


def refused(nix, *options: str, **more) -> str:
    """The message of a start that waits for an approval; it evaluates nothing."""
    with nix.without_nix() as marks:
        done = nix.sh("echo started", *OFFLINE, *options, **more)
        assert marks() == []
    assert done.returncode in (2, 125) and done.stdout == "", done.stderr
    assert "claudebox trust" in done.stderr
    return done.stderr


def says(nix, *options: str, script: str = "say", **more) -> str:
    done = nix.sh(script, *OFFLINE, *options, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_waits_and_no_option_approves_it(project):
    nix = project
    assert "has not been approved" in refused(nix, "--package", ".")
    refused(nix, "--package", ".", "--force")
    refused(nix, "--package", f"{nix.project}#hello")
    refused(nix, "--devshell", ".")
    refused(nix, "--package", ".", env=dict(nix.env, CLAUDEBOX_YES="1"))
    assert nix.box("trust", "--package", ".").returncode == 1
    assert nix.box("trust", "--package", ".", "--yes").returncode == 2
    assert "Nothing was approved" in nix.trust("--package", ".", answer="n")
    refused(nix, "--package", ".")
    assert not nix.packages.exists()


def test_what_is_shown_is_what_is_approved(project):
    nix = project
    nix.write("project/flake.lock", '{"nodes":{"root":{}},"root":"root","version":7}')
    nix.git("add", ".")
    said = nix.trust("--package", ".")
    assert "import ./word.nix" in said and '"said"' in said and "flake.lock" in said
    assert "Approved already" in nix.box("trust", "--package", ".").stderr


def test_an_approval_holds_for_the_files_that_evaluation_reads(project):
    nix = project
    nix.trust("--package", ".")
    assert says(nix, "--package", ".") == "said\n"
    (nix.project / "notes").write_text("changed\n")
    with nix.without_nix():
        assert says(nix, "--package", ".") == "said\n"
    (nix.project / "word.nix").write_text('"changed"\n')
    assert "word.nix" in refused(nix, "--package", ".")
    said = nix.trust("--package", ".")
    assert "changed since you approved it" in said and '"changed"' in said and '"said"' in said
    assert says(nix, "--package", ".") == "changed\n"
    (nix.project / "word.nix").write_text('"said"\n')
    refused(nix, "--package", ".")


@pytest.mark.parametrize("name", ["flake.nix", "word.nix", "flake.lock", "data"])
def test_what_changes_before_the_first_evaluation_is_not_evaluated(nix, name):
    nix.write("project/word.nix", "builtins.readFile ./data\n")
    nix.write("project/data", "said\n")
    nix.write("project/flake.lock", '{"nodes":{"root":{}},"root":"root","version":7}')
    nix.flake(nix.project, 'default = lib.program "say" "echo ${import ./word.nix}";')
    nix.trust("--package", ".")
    file = nix.project / name
    file.write_text(file.read_text().replace("said", "evil") + "\n")
    refused(nix, "--package", ".")


def test_an_approval_is_of_one_path_and_can_be_taken_back(project):
    nix = project
    nix.trust("--package", ".")
    shutil.copytree(nix.project, nix.home / "copy")
    nix.own(nix.home / "copy")
    refused(nix, "--package", ".", cwd=nix.home / "copy")
    assert "taken back" in nix.box("trust", "--revoke", "--package", ".").stderr
    refused(nix, "--package", ".")


def test_a_box_can_not_change_what_was_approved(project):
    """It may write the flake, which is the project's; then that waits again."""
    nix = project
    nix.trust("--package", ".")
    says(nix, "--package", ".")
    assert nix.sh("echo '\"evil\"' >word.nix", *OFFLINE).returncode == 0
    assert "word.nix" in refused(nix, "--package", ".")


def test_a_new_file_that_it_reads_waits_too(nix):
    """A directory that evaluation lists: what appears there would be evaluated."""
    nix.write("project/parts/one.nix", '"one"\n')
    nix.flake(nix.project, 'default = lib.program "say" "echo ${toString (map (name: import (./parts + "/${name}")) '
              '(builtins.attrNames (builtins.readDir ./parts)))}";')
    nix.trust("--package", ".")
    assert says(nix, "--package", ".") == "one\n"
    nix.write("project/parts/two.nix", '"evil"\n')
    nix.git("add", ".")
    done = nix.sh("say", *OFFLINE, "--package", ".")
    assert (done.returncode, done.stdout) == (125, "") and "claudebox trust" in done.stderr
    nix.trust("--package", ".")
    assert says(nix, "--package", ".") == "one evil\n"


def test_a_projects_file_asks_for_packages_and_waits(project):
    nix = project
    nix.write("project/.claudebox.toml", 'packages = ["hello", "./#default"]\ndevshell = true\n')
    with nix.without_nix() as marks:
        done = nix.box("run", "--yes", *OFFLINE, "--", "/bin/sh", "-c", "echo started; command -v hello say")
        assert done.stdout == "started\n" and "claudebox trust" in done.stderr
        assert marks() == []
    said = nix.trust()
    assert said.count("Approve it? [y/N]") == 2, "of the file and of the flake"
    (nix.project / "sub").mkdir()
    nix.own(nix.project / "sub")
    assert says(nix, script="hello; say; ls -d $WORD | wc -l", cwd=nix.project / "sub") == "hello from the store\nsaid\n1\n"


def test_a_profiles_paths_do_not_depend_on_where_one_is(project):
    nix = project
    nix.flake(nix.home / "tools", 'say = lib.program "say" "echo tools";')
    nix.write(".claudebox/profiles/own.toml", 'packages = ["~/tools#say"]\n', 0o600)
    refused(nix, "--profile", "own")
    nix.trust("--profile", "own")
    assert says(nix, "--profile", "own") == "tools\n"
    for value in ('packages = ["./tools#say"]', 'packages = ["."]', 'devshell = "../tools"'):
        nix.write(".claudebox/profiles/bad.toml", f"{value}\n", 0o600)
        done = nix.sh("echo started", *OFFLINE, "--profile", "bad")
        assert (done.returncode, done.stdout) == (2, "") and "relative path" in done.stderr


def test_a_command_lines_paths_are_of_the_current_directory(nix):
    nix.flake(nix.project / "a" / "tools", 'say = lib.program "say" "echo a";', repository=False)
    options = ("--package", "./tools#say", "--project", str(nix.project))
    refused(nix, *options, cwd=nix.project / "a")
    nix.trust(*options, cwd=nix.project / "a")
    assert says(nix, *options, cwd=nix.project / "a") == "a\n"
    assert "no flake in" in nix.sh("true", *OFFLINE, *options).stderr


def test_a_flake_below_the_top_of_its_repository_sees_the_rest_of_it(nix):
    nix.write("project/above.nix", '"above"\n')
    nix.write("project/.gitignore", "*.log\n")
    nix.write("project/nix/flake.nix", local_flake('say = lib.program "say" "echo ${import ../above.nix}";'))
    nix.git("init", "-q")
    nix.git("add", ".")
    nix.git("commit", "-q", "-m", "First")
    nix.trust("--package", "./nix#say")
    assert says(nix, "--package", "./nix#say") == "above\n"
    (nix.project / "above.nix").write_text('"changed"\n')
    refused(nix, "--package", "./nix#say")


def test_a_flake_that_git_does_not_track(nix):
    nix.git("init", "-q")
    nix.write("project/flake.nix", local_flake("hello = hello;"))
    nix.trust("--package", ".#hello")
    done = nix.sh("true", *OFFLINE, "--package", ".#hello")
    assert done.returncode == 125 and "git add flake.nix" in done.stderr
    nix.git("add", "flake.nix")
    assert says(nix, "--package", ".#hello", script="hello") == "hello from the store\n"


def test_nothing_is_written_into_a_project(project):
    nix = project
    nix.trust("--package", ".")
    before = nix.git("status", "--porcelain", "--ignored"), sorted(path.name for path in nix.project.rglob("*"))
    says(nix, "--package", ".", "--devshell", ".")
    assert (nix.git("status", "--porcelain", "--ignored"), sorted(path.name for path in nix.project.rglob("*"))) == before


@pytest.mark.parametrize("name", ["with space", "é", "a#b", "q?x=1", "$(id)", "quo'te\"", "per%20cent", "new\nline", "-dash"])
@pytest.mark.parametrize("repository", [True, False])
def test_a_directory_may_have_any_name(name, repository):
    with nix_host("daemon") as nix:
        flake = nix.flake(nix.home / name / "flake", "hello = hello;", repository=repository)
        nix.trust("--package", f"{flake}#hello")
        assert says(nix, "--package", f"{flake}#hello", script="hello") == "hello from the store\n"
        with nix.without_nix():
            assert says(nix, "--package", f"{flake}#hello", script="hello") == "hello from the store\n"
