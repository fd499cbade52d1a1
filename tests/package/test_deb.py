"""The Debian package: built, unpacked into a scratch root, and looked at as what it will be."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["CLAUDEBOX_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    place = tmp_path_factory.mktemp("package")
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-B", place, cwd=place)
    [made] = place.glob("*.deb")
    return made


@pytest.fixture(scope="module")
def root(deb, tmp_path_factory):
    place = tmp_path_factory.mktemp("root")
    run("dpkg-deb", "-x", deb, place)
    return place


def test_name_version_and_what_it_needs(deb):
    version = re.search(r"project\(claudebox VERSION ([\d.]+)", (SOURCE / "CMakeLists.txt").read_text()).group(1)
    architecture = run("dpkg", "--print-architecture").strip()
    assert deb.name == f"claudebox_{version}-1_{architecture}.deb"
    depends = run("dpkg-deb", "-f", deb, "Depends")
    assert "bubblewrap (>= 0.8.0)" in depends
    assert "slirp4netns (>= 1.2.0)" in depends
    assert "libc6" in depends
    # Linked in, or used by the build only: each would be paid at every start.
    assert not re.search(r"libstdc\+\+|libseccomp|libmd", depends)


def test_every_file_is_in_its_place(root):
    files = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    assert files >= {
        "usr/bin/claudebox",
        "usr/share/man/man1/claudebox.1.gz",
        "usr/share/bash-completion/completions/claudebox",
        "usr/share/zsh/vendor-completions/_claudebox",
        "usr/share/fish/vendor_completions.d/claudebox.fish",
        "usr/share/claudebox/apparmor/claudebox",
        "usr/share/doc/claudebox/README.md",
        "usr/share/doc/claudebox/copyright",
        "usr/share/doc/claudebox/changelog.gz",
        "usr/share/doc/claudebox/changelog.Debian.gz",
    }
    assert all(name.startswith(("usr/bin/", "usr/share/")) for name in files)


def test_the_program_runs_from_there(root, tmp_path):
    program = root / "usr/bin/claudebox"
    assert run(program, "--version").startswith("claudebox ")
    project = tmp_path / "home/project"
    project.mkdir(parents=True)
    environment = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    said = run(program, "run", "--yes", "--quiet", "--network", "offline", "--", "/bin/echo", "from the box",
               cwd=project, env=environment)
    assert said == "from the box\n"


def test_reference_is_the_programs_own(root):
    program = root / "usr/bin/claudebox"
    with gzip.open(root / "usr/share/man/man1/claudebox.1.gz", "rt") as page:
        assert page.read() == run(program, "__man")
    for shell, place in {"bash": "bash-completion/completions/claudebox", "zsh": "zsh/vendor-completions/_claudebox",
                         "fish": "fish/vendor_completions.d/claudebox.fish"}.items():
        assert (root / "usr/share" / place).read_text() == run(program, "completion", shell)


def test_no_debugging_symbols_are_shipped(root):
    assert "stripped" in run("file", root / "usr/bin/claudebox").replace("not stripped", "")


@pytest.mark.parametrize("knows_userns", [True, False])
def test_apparmor_profile_goes_where_it_is_understood(deb, root, tmp_path, knows_userns):
    """AppArmor before 4.0 would fail on the profile at boot."""
    control = tmp_path / "control"
    run("dpkg-deb", "-e", deb, control)
    apparmor = tmp_path / "apparmor.d"
    (apparmor / "abi").mkdir(parents=True)
    if knows_userns:
        (apparmor / "abi/4.0").write_text("")
    # A root of its own, with the shipped files where the script looks for them.
    system = ["bwrap", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink",
              "usr/lib64", "/lib64", "--dev", "/dev", "--tmpfs", "/usr/share", "--ro-bind", root / "usr/share/claudebox",
              "/usr/share/claudebox", "--ro-bind", control, "/control", "--bind", apparmor, "/etc/apparmor.d", "--"]
    run(*system, "/bin/sh", "/control/postinst", "configure")
    installed = apparmor / "claudebox"
    assert installed.exists() == knows_userns
    if knows_userns:
        assert installed.read_text() == (SOURCE / "packaging/apparmor/claudebox").read_text()
        assert "profile claudebox /usr/bin/claudebox flags=(unconfined)" in installed.read_text()
    run(*system, "/bin/sh", "/control/prerm", "remove")
    run(*system, "/bin/sh", "/control/postrm", "remove")
    assert not installed.exists()


def test_lintian_finds_no_error(deb):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", deb], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def test_plain_installation_uses_the_usual_directories(tmp_path):
    run("cmake", "--install", BUILD, "--prefix", "/usr/local", env={**os.environ, "DESTDIR": str(tmp_path)})
    assert (tmp_path / "usr/local/bin/claudebox").exists()
    assert (tmp_path / "usr/local/share/zsh/site-functions/_claudebox").exists()
