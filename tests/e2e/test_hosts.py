"""Hosts that differ: homes, projects and paths of every kind, umasks, uid 0, and other layouts of the system, which are
simulated in a prepared root."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import TIMEOUT, Host, need

ODD_NAMES = {
    "space": "with space",
    "quotes": "quo'te\"s",
    "newline": "new\nline",
    "tab": "tab\there",
    "backslash": "back\\slash",
    "substitution": "$(touch pwned)`touch pwned`",
    "dash": "-rf",
    "glob": "*?[a-z]{1,2}",
    "unicode": "\u00fcn\u00efcode-\u6f22\u5b57",
    "not-utf8": os.fsdecode(b"latin-\xe9"),
    "colon": "a:b",
    "shell": "#hash; touch pwned &",
    "escape": "\x1b[31mred\x07",
    "spaces": "  around  ",
    "equals": "a=b,c=d",
}


def odd_names(*, but: str = ""):
    """Without names that hold the character `but`, which the interface at hand can't take."""
    names = {key: name for key, name in ODD_NAMES.items() if not but or but not in name}
    return pytest.mark.parametrize("name", names.values(), ids=names.keys())


def instance_path(host, **more) -> str:
    done = host.box("instance", "path", text=False, **more)
    assert done.returncode == 0, done.stderr
    return os.fsdecode(done.stdout[:-1])


def works(host, project, *, cwd=None, options=()):
    """A box starts there twice, stands in the right place, writes the project and nothing beside it."""
    for round_ in range(2):
        done = host.run("/bin/sh", "-c", 'pwd; echo made > from-box; echo kept >> ~/note; wc -l < ~/note',
                        cwd=cwd or project, options=options, text=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout == os.fsencode(str(project)) + b"\n%d\n" % (round_ + 1)
        assert b"\x1b[31mred" not in done.stderr
    assert (pathlib.Path(project) / "from-box").read_text() == "made\n"


# --- names ---------------------------------------------------------------------------------------------------------


@odd_names()
def test_a_project_of_any_name(host, name):
    project = host.repository(host.home / name)
    works(host, project)
    assert "pwned" not in os.listdir(project) + os.listdir(host.home) + os.listdir(host.root)
    listed = json.loads(host.box("instance", "list", "--json").stdout)["instances"]
    assert len(listed) == 1 and not listed[0].get("problem")
    assert host.box("instance", "list").returncode == 0
    assert b"\x1b[31mred" not in host.box("instance", "list", text=False).stdout
    done = host.run("git", "commit", "--allow-empty", "-qm", "From the box", cwd=project)
    assert done.returncode == 0, done.stderr
    assert host.git("log", "--format=%s", "-1", cwd=project) == "From the box\n"
    assert host.box("instance", "gc").stdout.startswith("nothing")


@odd_names(but=":")  # PATH can't name such a directory
def test_a_home_of_any_name(tmp_path, binary, name):
    host = Host(tmp_path / name, binary)
    try:
        works(host, host.project)
    finally:
        assert not host.close()


@odd_names(but=":")  # it divides source and target
def test_a_granted_directory_of_any_name(host, name):
    data = host.root / "data" / name
    data.mkdir(parents=True)
    (data / "file").write_text("granted\n")
    done = host.run("/bin/cat", str(data / "file"), options=("--mount", str(data)))
    assert done.stdout == "granted\n", done.stderr


@pytest.mark.parametrize("length", [1000, 2500, 3600, 3900, 4050])
def test_a_very_long_path(host, length):
    """Works, or is refused in one message; PATH_MAX is 4096 and bwrap puts a prefix of its own before each path."""
    path = str(host.home)
    while len(path) < length:
        path += "/" + "d" * min(200, length - len(path))
    # In steps: no path is handed over whole.
    here = os.open(host.home, os.O_RDONLY)
    for part in pathlib.Path(path).relative_to(host.home).parts:
        os.mkdir(part, dir_fd=here)
        here, above = os.open(part, os.O_RDONLY, dir_fd=here), here
        os.close(above)
    try:
        done = subprocess.run([host.binary, "run", "--yes", "--network", "offline", "--", "/bin/sh", "-c",
                               "pwd -P; touch made"], env=host.env, preexec_fn=lambda: os.fchdir(here),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT)
        if done.returncode == 0:
            assert done.stdout == path + "\n"
            assert "made" in os.listdir(here)
        else:
            assert length > 3600, done.stderr
            assert done.returncode in (2, 125) and re.search("claudebox: .*(too long|ENAMETOOLONG)", done.stderr)
            assert "hint: " in done.stderr
            assert os.listdir(here) == []
    finally:
        os.close(here)


# --- homes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["{home}/", "{home}//", "{root}/./home", "{root}/home/../home"])
def test_a_home_spelled_in_another_way(host, spelling):
    host.env["HOME"] = spelling.format(home=host.home, root=host.root)
    works(host, host.project)


def test_a_home_that_is_a_link(host):
    """The box has both: the home where it really is, and the link as the user spells it."""
    (host.root / "links").mkdir()
    (host.root / "links/second").symlink_to("../home")
    (host.root / "first").symlink_to("links/second")
    host.env["HOME"] = str(host.root / "first")
    host.env["PATH"] = f"{host.root}/first/.local/bin:{host.env['PATH']}"
    works(host, host.project, cwd=host.root / "first/project")
    done = host.sh(f"cd ~; pwd -P; cat {host.home}/note {host.root}/first/note; ls ~ | sort")
    assert done.stdout == f"{host.home}\n" + 4 * "kept\n" + "note\nproject\n", done.stderr
    # The state lies where the home is, one for both spellings.
    host.env["HOME"] = str(host.home)
    assert host.sh("wc -l < ~/note").stdout == "2\n"


def test_a_link_in_the_home_to_another_disk(host):
    """~/work -> /data/work: the project is where it really is."""
    project = host.repository(host.root / "data/work/app")
    (host.home / "work").symlink_to(host.root / "data/work")
    works(host, project, cwd=host.home / "work/app")
    by_link = instance_path(host, cwd=host.home / "work/app")
    assert instance_path(host, cwd=project) == by_link
    done = host.box("instance", "path", "--project", host.home / "work/app", cwd="/")
    assert done.stdout == by_link + "\n"


def test_a_project_named_by_a_link(host):
    (host.home / "link").symlink_to("project")
    works(host, host.project, cwd="/", options=("--project", str(host.home / "link")))
    assert len(host.instances()) == 1


def test_a_home_that_is_the_only_directory_there_is(host):
    """No ~/.local, no ~/.gitconfig, no tools."""
    bare = Host(host.root / "bare", host.binary)
    shutil.rmtree(bare.home / ".local")
    (bare.home / ".gitconfig").unlink()
    works(bare, bare.project)


def test_the_state_in_another_place(host):
    host.env["CLAUDEBOX_HOME"] = str(host.root / "state dir/deep")
    works(host, host.project)
    assert instance_path(host).startswith(str(host.root / "state dir/deep/instances/"))
    assert not (host.home / ".claudebox").exists()
    assert host.sh(f"ls '{host.root}/state dir'").returncode != 0


def test_the_state_behind_a_link(host):
    """~/.claudebox on another disk."""
    (host.root / "other-disk").mkdir(mode=0o700)
    (host.home / ".claudebox").symlink_to(host.root / "other-disk")
    works(host, host.project)
    assert instance_path(host).startswith(str(host.root / "other-disk/instances/"))


# --- repositories --------------------------------------------------------------------------------------------------


def commit_in_box(host, cwd, file="from-box-commit"):
    done = host.sh(f"echo text > {file} && git add {file} && git commit -qm 'From the box' && git status --porcelain",
                   cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert host.git("log", "--format=%s %an <%ae>", "-1", cwd=cwd) == "From the box Test Person <person@example.org>\n"
    assert host.git("show", f"HEAD:{file}", cwd=cwd) == "text\n"


def test_no_repository_at_all(host):
    plain = host.home / "plain"
    (plain / "below").mkdir(parents=True)
    works(host, plain)
    works(host, plain / "below")  # each directory is a project of its own
    assert len(host.instances()) == 2
    assert sorted(os.listdir(plain)) == ["below", "from-box"]


def test_no_git_on_the_host(host):
    """Neither the program nor its configuration is needed."""
    (host.home / ".gitconfig").unlink()
    host.env["PATH"] = f"{host.home}/.local/bin"
    works(host, host.project)


def test_a_project_inside_another_repository(host):
    outer = host.repository(host.home / "outer")
    (outer / "secret").write_text("of the outer project\n")
    inner = host.repository(outer / "vendor/inner")
    works(host, inner)
    done = host.sh(f"cat {outer}/secret; ls {outer}; touch {outer}/new", cwd=inner)
    assert "of the outer project" not in done.stdout
    assert not (outer / "new").exists()
    commit_in_box(host, inner)
    # A plain directory of the outer one belongs to the outer one.
    (outer / "docs").mkdir()
    done = host.sh("pwd; cat ../secret", cwd=outer / "docs")
    assert done.stdout == f"{outer}/docs\nof the outer project\n"


def test_linked_work_trees_share_the_instance(host):
    second = host.home / "second"
    host.git("worktree", "add", "-q", "-b", "second", str(second))
    host.sh("echo mine > ~/note")
    assert host.sh("cat ~/note", cwd=second).stdout == "mine\n"
    assert len(host.instances()) == 1
    commit_in_box(host, second)
    done = host.sh(f"cat {host.project}/README", cwd=second)
    assert done.stdout == "", "the main work tree's files are not the box's"


def test_a_bare_repository_with_work_trees(host):
    bare = host.home / "app.git"
    host.git("clone", "-q", "--bare", str(host.project), str(bare))
    host.git("worktree", "add", "-q", "-b", "one", str(host.home / "one"), cwd=bare)
    host.git("worktree", "add", "-q", "-b", "two", str(host.home / "two"), cwd=bare)
    for tree in ("one", "two"):
        commit_in_box(host, host.home / tree, file=tree)
    assert len(host.instances()) == 1
    done = host.run("git", "log", "--format=%s", "one", "two", cwd=bare)
    assert done.stdout.count("From the box") == 2, done.stderr
    assert instance_path(host, cwd=bare) == instance_path(host, cwd=host.home / "one")


def test_work_trees_inside_a_bare_layout(host):
    """project/.bare with a .git file beside it, and work trees as its neighbours."""
    top = host.home / "layout"
    top.mkdir()
    host.git("clone", "-q", "--bare", str(host.project), str(top / ".bare"))
    (top / ".git").write_text("gitdir: ./.bare\n")
    host.git("worktree", "add", "-q", "-b", "feature", str(top / "feature"), cwd=top)
    commit_in_box(host, top / "feature")


def test_submodules(host):
    library = host.repository(host.home / "library")
    host.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    host.git("commit", "-qm", "With a submodule")
    commit_in_box(host, host.project / "lib")
    commit_in_box(host, host.project)
    done = host.sh("cd lib && echo text > second && git add second && git commit -qm 'From above'")
    assert done.returncode == 0, done.stderr
    assert host.git("log", "--format=%s", "-1", cwd=host.project / "lib") == "From above\n"


def test_a_separate_git_directory(host):
    """Only where the git directory names this work tree: else a box could point its .git at any other repository."""
    host.git("init", "-q", "--separate-git-dir", str(host.home / "elsewhere.git"))
    done = host.sh("git status")
    assert done.returncode != 0
    assert "does not name this work tree" in re.sub(r"\s+", " ", done.stderr)
    host.git("config", "core.worktree", str(host.project))
    commit_in_box(host, host.project)


def test_a_read_only_project(host):
    unshare = need("unshare")
    script = """
        mount --bind "$PWD" "$PWD" && mount -o remount,bind,ro "$PWD" && cd "$PWD" || exit 77
        "$BOX" run --yes --network offline -- sh -c 'cat README; touch new; echo fine > ~/note'
        """
    namespaces = ["-m"] if os.getuid() == 0 else ["-m", "--map-current-user", "--keep-caps"]
    done = subprocess.run([unshare, *namespaces, "sh", "-c", script], cwd=host.project, text=True, timeout=TIMEOUT,
                          env=dict(host.env, BOX=host.binary), capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    assert done.stdout == "A project.\n"
    assert "you may not write the project" in re.sub(r"\s+", " ", done.stderr)
    assert "Read-only file system" in done.stderr
    assert not (host.project / "new").exists()


@pytest.mark.ordinary_user
def test_a_project_without_the_right_to_write(host):
    (host.project / "sub").mkdir()
    for path in (host.project / "sub", host.project):
        path.chmod(0o555)
    done = host.sh("cat README; touch new")
    host.project.chmod(0o755)
    assert done.stdout == "A project.\n", done.stderr
    assert "you may not write the project" in re.sub(r"\s+", " ", done.stderr)
    assert not (host.project / "new").exists()


# --- users ---------------------------------------------------------------------------------------------------------


def test_a_strict_umask(host):
    done = host.sh("umask; mkdir made; touch made/file; cat /etc/passwd /etc/gitconfig > /dev/null; ls / > /dev/null",
                   umask=0o077)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0077\n"
    assert (host.project / "made").stat().st_mode & 0o777 == 0o700


@pytest.mark.root
def test_uid_0(host):
    done = host.sh("id -u; id -g; touch made")
    assert done.stdout == "0\n0\n"
    said = re.sub(r"\s+", " ", done.stderr)
    assert "runs as root" in said and "sudo" not in said
    assert (host.project / "made").stat().st_uid == 0


@pytest.mark.root
def test_uid_0_by_way_of_sudo(host):
    host.env |= {"SUDO_UID": "1000", "SUDO_GID": "1000", "SUDO_USER": "somebody"}
    done = host.sh("id -u; env")
    assert done.stdout.startswith("0\n")
    assert "SUDO_" not in done.stdout
    assert "started through sudo: claudebox needs no root, run it as yourself" in re.sub(r"\s+", " ", done.stderr)


@pytest.mark.root
def test_uid_0_in_the_home_of_a_user(host):
    """sudo -E: the state is the user's, and root must not mix its own into it."""
    host.sh("true")
    state = host.home / ".claudebox"
    for path in [state, *state.rglob("*")]:
        os.chown(path, 1000, 1000, follow_symlinks=False)
    done = host.sh("true")
    assert done.returncode == 125
    assert "belongs to uid 1000" in done.stderr and "without sudo" in done.stderr


# --- other layouts of the system -----------------------------------------------------------------------------------


class PreparedRoot:
    """Another machine's file system, with this test's home in it, entered by bwrap."""

    def __init__(self, host: Host, *layout: str, env: dict[str, str] | None = None, binary: str | None = None):
        self.host = host
        self.layout = layout
        self.env = env or host.env
        self.binary = binary or host.binary
        self.bwrap = need("bwrap")

    def run(self, *command: str) -> subprocess.CompletedProcess:
        host = self.host
        # This machine's /proc and not one of bwrap's, who covers parts of it: the kernel then forbids another one in a
        # user namespace below (mount_too_revealing in fs/namespace.c).
        words = [self.bwrap, "--die-with-parent", "--tmpfs", "/tmp", "--dev-bind", "/proc", "/proc", "--dev-bind",
                 "/dev", "/dev", "--ro-bind", "/sys", "/sys", *self.layout, "--bind", str(host.root), str(host.root),
                 "--chdir", str(host.project), "--", *command]
        return subprocess.run(words, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=TIMEOUT)

    def box(self, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        return self.run(self.binary, "run", "--yes", "--network", "offline", *options, "--", *command)


def with_binary(host) -> list[str]:
    """The program under test may lie anywhere on this machine."""
    return ["--ro-bind", host.binary, host.binary]


def test_unmerged_usr(host):
    """/bin, /sbin and /lib are directories of their own, as before usrmerge."""
    layout = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if os.path.isdir(f"/usr/{name}"):
            layout += ["--ro-bind", f"/usr/{name}", f"/{name}"]
    root = PreparedRoot(host, *layout, *with_binary(host))
    done = root.box("/bin/sh", "-c", "test ! -h /bin && test ! -h /lib && ls /bin/sh /usr/bin/env && touch made")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "/bin/sh\n/usr/bin/env\n"
    assert (host.project / "made").exists()
    assert root.box("/bin/sh", "-c", "touch /bin/new /lib/new").returncode != 0
    done = root.box("git", "status", "--porcelain")
    assert done.stdout == "?? made\n", done.stderr


def merged_layout() -> list[str]:
    layout = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if os.path.isdir(f"/usr/{name}"):
            layout += ["--symlink", f"usr/{name}", f"/{name}"]
    return layout


def test_nix_beside_another_system(host):
    """A single-user Nix: ~/.nix-profile on PATH leads into /nix/store, by way of /nix/var."""
    store = host.root / "nix-store"
    (store / "aaa-tool/bin").mkdir(parents=True)
    (store / "aaa-tool/bin/tool").write_text("#!/bin/sh\necho the tool\n")
    (store / "aaa-tool/bin/tool").chmod(0o755)
    (store / "bbb-profile").mkdir()
    (store / "bbb-profile/bin").symlink_to("/nix/store/aaa-tool/bin")
    (host.home / ".nix-profile").symlink_to("/nix/var/nix/profiles/default")
    env = dict(host.env, PATH=f"{host.home}/.nix-profile/bin:{host.env['PATH']}")
    root = PreparedRoot(host, *merged_layout(), *with_binary(host), "--ro-bind", str(store), "/nix/store", "--symlink",
                        "/nix/store/bbb-profile", "/nix/var/nix/profiles/default", env=env)
    for _ in range(2):
        done = root.box("tool")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "the tool\n"
    assert root.box("sh", "-c", "ls /nix/var").returncode != 0


class NixStore:
    """Programs of this machine made into what a NixOS has: everything in /nix/store, with its own loader."""

    PROGRAMS = ("bash", "cat", "ls", "env", "id", "touch", "readlink", "git", "bwrap")

    def __init__(self, host: Host, directory: pathlib.Path):
        self.patchelf = need("patchelf")
        self.directory = directory
        libraries = directory / "nix/store/000-libraries/lib"
        programs = directory / "nix/store/111-programs/bin"
        system = directory / "nix/store/222-system"
        etc = directory / "nix/store/333-etc/etc"
        for made in (libraries, programs, system, etc / "ssl/certs", directory / "etc/ssl/certs", directory / "bin",
                     directory / "usr/bin", directory / "run", directory / "home"):
            made.mkdir(parents=True)
        for name in self.PROGRAMS:
            self.add(need(name), programs / name, libraries)
        self.add(host.binary, programs / "claudebox", libraries)
        (programs / "sh").symlink_to("bash")
        (system / "sw").mkdir()
        (system / "sw/bin").symlink_to("/nix/store/111-programs/bin")
        (directory / "run/current-system").symlink_to("/nix/store/222-system")
        (directory / "bin/sh").symlink_to("/nix/store/111-programs/bin/bash")
        (directory / "usr/bin/env").symlink_to("/nix/store/111-programs/bin/env")
        (etc / "ssl/certs/ca-bundle.crt").write_text("certificates\n")
        (etc / "os-release").write_text("ID=nixos\n")
        (directory / "etc/static").symlink_to("/nix/store/333-etc/etc")
        (directory / "etc/ssl/certs/ca-bundle.crt").symlink_to("/etc/static/ssl/certs/ca-bundle.crt")
        (directory / "etc/os-release").symlink_to("/etc/static/os-release")
        for name in ("passwd", "group"):
            shutil.copy(f"/etc/{name}", directory / "etc" / name)

    def add(self, program: str, target: pathlib.Path, libraries: pathlib.Path) -> None:
        shutil.copy(program, target)
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for found in re.findall(r"(/\S+) \(0x", listed):
            if not (libraries / os.path.basename(found)).exists():
                shutil.copy(found, libraries)
        loader = next(re.finditer(r"(/\S*ld-linux\S*) \(0x", listed)).group(1)
        store = "/nix/store/000-libraries/lib"
        subprocess.run([self.patchelf, "--set-interpreter", f"{store}/{os.path.basename(loader)}", "--force-rpath",
                        "--set-rpath", store, str(target)], check=True)


@pytest.fixture
def nixos(host):
    store = NixStore(host, host.root / "nixos")
    layout = []
    for name in ("nix", "etc", "bin", "usr", "run"):
        layout += ["--bind", str(store.directory / name), f"/{name}"]
    env = dict(host.env, PATH="/run/current-system/sw/bin", SHELL="/run/current-system/sw/bin/bash")
    return PreparedRoot(host, *layout, env=env, binary="/run/current-system/sw/bin/claudebox")


def test_a_nixos_layout(nixos, host):
    assert nixos.run("/bin/sh", "-c", "ls /lib64 /lib /usr/lib").returncode != 0, "the prepared root is none of this host"
    done = nixos.box("bash", "-c", """
        set -e
        readlink /run/current-system
        cat /etc/static/os-release /etc/ssl/certs/ca-bundle.crt /etc/os-release
        /usr/bin/env cat /dev/null
        /bin/sh -c 'echo from sh'
        ls /usr/bin /bin /nix/store
        touch made
        """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["/nix/store/222-system", "ID=nixos", "certificates", "ID=nixos", "from", "sh",
                                   "/bin:", "sh", "/nix/store:", "000-libraries", "111-programs", "222-system",
                                   "333-etc", "/usr/bin:", "env"]
    assert (host.project / "made").exists()


def test_a_nixos_layout_is_read_only_and_starts_again(nixos, host):
    for _ in range(2):
        done = nixos.box("bash", "-c", "touch /nix/store/new /run/current-system/new /etc/new; echo $SHELL")
        assert "No such file" in done.stderr or "Read-only" in done.stderr or "Permission" in done.stderr
        assert done.stdout == "/run/current-system/sw/bin/bash\n", done.stderr
    assert not (host.root / "nixos/nix/store/new").exists()


def test_git_on_a_nixos_layout(nixos, host):
    done = nixos.box("bash", "-c", "touch file && git add file && git commit -qm 'From the box'")
    assert done.returncode == 0, done.stderr
    assert host.git("log", "--format=%s", "-1") == "From the box\n"


def test_the_shell_of_a_nixos_layout(nixos):
    done = nixos.run(nixos.binary, "shell", "--yes", "--network", "offline")
    assert done.returncode == 0, done.stderr
