"""Limits of a box, as the kernel holds it to them: by resource limits everywhere, by cgroup v2 where there is one."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import SOURCE, need
from test_profiles import profile

GIB = 1 << 30
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")

FORKS = """
import os, signal
children = []
try:
    while len(children) < 200:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)
except OSError as error:
    print(error.strerror)
print(len(children))
for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""

OPENS = """
import os
count = 0
try:
    while count < 1000:
        os.open("/dev/null", os.O_RDONLY)
        count += 1
except OSError as error:
    print(error.strerror)
print(count)
"""

ALLOCATES = """
import mmap, sys
size = int(sys.argv[1]) << 20
try:
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, size, 4096):
        memory[at] = 1
    print("had", sys.argv[1])
except (OSError, MemoryError) as error:
    print(error.strerror)
"""


def limited(host, *limits, script, arguments=()):
    options = [word for limit in limits for word in ("--limit", limit)]
    return host.run("/usr/bin/python3", "-c", script, *arguments, options=tuple(options))


def applies(host, name: str) -> str:
    """What holds the limit `name` here."""
    amounts = {"memory": "4G", "cpu": "100%", "processes": "500", "open-files": "4096"}
    done = host.box("plan", "--json", "--network", "offline", "--limit", f"{name}={amounts[name]}", "--", "true")
    return json.loads(done.stdout)["limits"]["all"][0]["by"]


# --- resource limits -----------------------------------------------------------------------------------------------


def test_open_files_end_with_emfile(host):
    done = limited(host, "open-files=300", script=OPENS)
    said, count = done.stdout.split("\n")[:2]
    assert said == "Too many open files"
    assert int(count) == 300 - 3
    assert limited(host, script=OPENS).stdout.split() == ["1000"]


@pytest.mark.skipif(V2, reason="memory is the whole box's with cgroup v2")
def test_without_cgroup_v2_memory_is_each_processs(host):
    assert "had 64" in limited(host, "memory=256M", script=ALLOCATES, arguments=("64",)).stdout
    done = limited(host, "memory=256M", script=ALLOCATES, arguments=("512",))
    assert done.stdout.strip() == "Cannot allocate memory"
    assert "was killed" not in done.stderr  # the kernel tells of no such thing, so nothing is made up
    # Two of them have twice as much, which is why the audit says "each process".
    both = f"import subprocess, sys; code = {ALLOCATES!r}\n" \
           "run = [subprocess.Popen([sys.executable, '-c', code, '160']) for _ in range(2)]\n" \
           "sys.exit(max(each.wait() for each in run))"
    assert limited(host, "memory=256M", script=both).stdout.count("had 160") == 2


@pytest.mark.ordinary_user
def test_a_fork_bomb_ends_with_eagain_and_leaves_the_host_alone(host):
    """The number is of the box alone: other processes of the user neither count nor suffer."""
    others = [subprocess.Popen(["/usr/bin/sleep", "60"]) for _ in range(60)]
    try:
        done = limited(host, "processes=50", script=FORKS)
        said, count = done.stdout.split("\n")[:2]
        assert said == "Resource temporarily unavailable"
        assert 40 <= int(count) < 50
        # Nor does another box: each has its own number.
        assert subprocess.run(["/usr/bin/true"], check=True).returncode == 0
        assert limited(host, script=FORKS).stdout.split() == ["200"]
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.ordinary_user
def test_threads_and_namespaces_inside_do_not_get_around_it(host):
    threads = "import threading, time\ncount = 0\ntry:\n  while count < 200:\n    " \
              "threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n    count += 1\n" \
              "except RuntimeError:\n  print('no more')\nprint(count)"
    said, count = limited(host, "processes=50", script=threads).stdout.split("\n")[:2]
    assert said == "no more" and int(count) < 50
    nested = f"import subprocess, sys\ncode = {FORKS!r}\n" \
             "sys.exit(subprocess.call(['/usr/bin/unshare', '--user', '--map-current-user', sys.executable, '-c', code]))"
    said, count = limited(host, "processes=50", script=nested).stdout.split("\n")[:2]
    assert said == "Resource temporarily unavailable" and int(count) < 50


def test_the_box_cant_raise_them(host):
    script = "import resource\nfor what in (resource.RLIMIT_NOFILE, resource.RLIMIT_DATA, resource.RLIMIT_NPROC):\n" \
             "  soft, hard = resource.getrlimit(what)\n  print(soft, hard)\n" \
             "  try:\n    resource.setrlimit(what, (hard + 1, hard + 1))\n    print('raised')\n" \
             "  except (ValueError, OSError):\n    print('kept')\n"
    done = limited(host, "open-files=300", "memory=4G", "processes=100", script=script)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["300 300", "kept"]
    if applies(host, "memory") == "resource_limit":
        assert lines[2:4] == [f"{4 * GIB} {4 * GIB}", "kept"]
    if applies(host, "processes") == "resource_limit":
        assert lines[4:6] == ["100 100", "kept"]
    assert "raised" not in lines[:2]


def test_its_cgroup_is_not_in_the_box(host):
    done = host.sh("ls /sys 2>&1; grep -c cgroup /proc/self/mountinfo; mkdir /tmp/c; "
                   "mount -t cgroup2 none /tmp/c 2>&1 || echo refused")
    assert "0\n" in done.stdout and "refused" in done.stdout and "fs" not in done.stdout.split("0\n")[0].split()


# --- what is said --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(V2, reason="about hosts without cgroup v2")
def test_without_cgroup_v2_check_and_audit_say_that_only_resource_limits_apply(host):
    (part,) = [part for part in json.loads(host.box("check", "--json").stdout)["parts"] if part["name"] == "limits"]
    assert part["state"] == "limited"
    assert part["detail"].startswith("only resource limits apply: there is no cgroup v2")
    assert part["detail"].endswith("cpu")
    done = host.box("plan", "--network", "offline", "--limit", "memory=4G", "--limit", "cpu=50%", "--", "true")
    assert "memory 4G each process" in done.stdout
    assert "cpu 50% does not apply: there is no cgroup v2 at /sys/fs/cgroup" in done.stdout
    assert host.run("true", options=("--limit", "cpu=50%")).returncode == 0


@pytest.mark.root
@pytest.mark.skipif(V2, reason="about hosts without cgroup v2")
def test_root_is_told_that_processes_do_not_apply(host):
    done = host.box("plan", "--network", "offline", "--limit", "processes=50", "--", "true")
    assert "processes 50 does not apply" in done.stdout
    assert limited(host, "processes=50", script=FORKS).stdout.split() == ["200"]  # and that is true


def test_without_limits_nothing_is_said(host):
    assert "\n  limits " not in host.box("plan", "--network", "offline", "--", "true").stdout


def test_flags_win_over_a_profile_and_none_takes_away(host):
    profile(host, "web", "[limits]\nopen-files = 300\nmemory = \"4G\"\n")
    show = "ulimit -n; ulimit -d"
    own = host.sh(show).stdout.split()
    assert host.sh(show, options=("--profile", "web")).stdout.split()[0] == "300"
    assert host.sh(show, options=("--profile", "web", "--limit", "open-files=400")).stdout.split()[0] == "400"
    assert host.sh(show, options=("--profile", "web", "--limit", "open-files=none", "--limit",
                                  "memory=none")).stdout.split() == own


@pytest.mark.parametrize("limit, words", [
    ("memory=8", ["did you mean 8G?"]), ("memory=0G", ["too little"]), ("memory=-1G", ["can't understand"]),
    ("memory=99999999999T", ["too much"]), ("cpu=2", ["did you mean 200%?"]), ("cpus=200%", ["did you mean cpu?"]),
    ("processes=0", ["too little"]), ("open-files=64", ["too little for this box", "at least"])])
def test_a_mistake_stops_the_start(host, limit, words):
    done = host.run("true", options=("--limit", limit))
    assert done.returncode == 2
    for word in words:
        assert word in done.stderr
    assert not host.instances()


def test_a_mistake_in_a_profile_names_its_place(host):
    profile(host, "web", "[limits]\nmemory = true\nprocesses = 0\nopen-file = 3\n")
    done = host.run("true", options=("--profile", "web"))
    assert done.returncode == 2
    for word in ("web.toml:2:10: limits.memory is an amount, and this is true or false", "web.toml:3:13: ",
                 "web.toml:4:1: unknown key 'open-file' in [limits]", "did you mean open-files?"):
        assert word in done.stderr


def test_the_json_is_as_documented(host):
    from test_plan import documented, fields
    done = host.box("plan", "--json", "--network", "offline", "--limit", "memory=4G", "--limit", "cpu=50%", "--", "true")
    table = {field: kind for field, (kind, _) in documented("plan --json").items() if field.startswith("limits.")}
    assert dict(item for item in fields(json.loads(done.stdout)) if item[0].startswith("limits.")) == table


def test_a_project_lowers_at_once_and_raises_after_trust(host):
    profile(host, "web", "[limits]\nopen-files = 400\n")
    file = host.project / ".claudebox.toml"
    file.write_text("[limits]\nopen-files = 300\n")
    assert host.sh("ulimit -n", options=("--profile", "web")).stdout == "300\n"
    for amount in ("500", "\"none\""):
        file.write_text(f"[limits]\nopen-files = {amount}\n")
        assert host.sh("ulimit -n", options=("--profile", "web")).stdout == "400\n"


# --- the agent -----------------------------------------------------------------------------------------------------


def test_the_real_client_works_within_limits(claude):
    done = claude("-p", "hi", options=("--limit", "memory=4G", "--limit", "processes=200", "--limit", "open-files=4096"))
    assert done.returncode == 0, done.stderr


# --- cgroup v2, for real -------------------------------------------------------------------------------------------


def has_cgroup(host, name: str) -> bool:
    """Whether the kernel can hold the box as a whole to it here. Where it can't, nothing may claim that it does, which is
    then what these tests are about: a machine has the one or the other."""
    if applies(host, name) == "cgroup":
        return True
    options = ("--network", "offline", "--limit", f"{name}=500" if name == "processes" else f"{name}=4G", "--", "true")
    audit = " ".join(host.box("plan", *options).stdout.split())
    assert ("each process" if name == "memory" else "does not apply" if os.getuid() == 0 else "processes 500") in audit
    return False


def test_the_whole_box_has_the_memory_and_a_kill_is_said(host):
    if has_cgroup(host, "memory"):
        done = limited(host, "memory=64M", script=ALLOCATES, arguments=("256",))
        assert done.returncode == 137
        assert "was killed: the box used up its memory, limits.memory 64M" in done.stderr


def test_the_whole_box_has_the_processes(host):
    if has_cgroup(host, "processes"):
        said, count = limited(host, "processes=50", script=FORKS).stdout.split("\n")[:2]
        assert said == "Resource temporarily unavailable" and int(count) < 50


# --- cgroup v2, prepared -------------------------------------------------------------------------------------------


def with_prepared_tree(host, *command: str, events: str = "oom_kill 0", missing: str = "none"):
    """Runs claudebox where /sys/fs/cgroup is a prepared tree: directories with the kernel's files in them. In a mount
    namespace, and by exec: the box's group has claudebox's pid in its name. Gives its end and what it wrote."""
    seen = host.root / "seen"
    seen.mkdir()
    script = f"""set -e
mount -t tmpfs none /sys/fs/cgroup
cd /sys/fs/cgroup
echo 'cpuset cpu io memory pids' >cgroup.controllers
touch cgroup.procs cgroup.subtree_control
cd {seen}
touch cgroup.procs memory.max memory.swap.max cpu.max pids.max
echo '{events}' >memory.events
rm -f {missing}
mkdir /sys/fs/cgroup/claudebox-box-$$
mount --bind {seen} /sys/fs/cgroup/claudebox-box-$$
cd {host.project}
exec "$@"
"""
    done = subprocess.run(["unshare", "--mount", "bash", "-c", script, "bash", host.binary, *command], env=host.env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done, {file.name: file.read_text() for file in seen.iterdir()}


LIMITS = ["--limit", "memory=4G", "--limit", "cpu=150%", "--limit", "processes=500"]
RUN = ["run", "--yes", "--network", "offline", *LIMITS, "--", "sh", "-c", "ulimit -d; exit 3"]


@pytest.mark.root
def test_prepared_the_box_enters_its_group_and_no_resource_limit_is_set_beside_it(host):
    done, seen = with_prepared_tree(host, *RUN)
    assert (done.returncode, done.stdout) == (3, "unlimited\n"), done.stderr
    assert seen["cgroup.procs"] == "0"  # whoever writes it, cgroups(7): the child, before it is bwrap
    assert seen["memory.max"] == str(4 * GIB) and seen["memory.swap.max"] == "0"
    assert seen["cpu.max"] == "150000 100000" and seen["pids.max"] == "500"
    assert "was killed" not in done.stderr


@pytest.mark.root
def test_prepared_an_out_of_memory_kill_is_said_at_the_end_and_in_the_record(host):
    done, _ = with_prepared_tree(host, *RUN, events="oom_kill 2")
    assert done.returncode == 3
    said = "2 processes of the box were killed: the box used up its memory, limits.memory 4G"
    assert said in done.stderr
    assert said in host.box("log").stdout


@pytest.mark.root
@pytest.mark.parametrize("missing", ["pids.max", "memory.max", "cpu.max", "cgroup.procs"])
def test_prepared_a_limit_that_cant_be_set_stops_the_start(host, missing):
    done, seen = with_prepared_tree(host, *RUN, missing=missing)
    assert done.returncode not in (0, 3) and done.stdout == ""
    assert missing in done.stderr and "--limit NAME=none" in done.stderr
    assert seen.get("cgroup.procs", "") == ""


@pytest.mark.root
def test_prepared_check_and_audit_say_what_applies(host):
    done, _ = with_prepared_tree(host, "check")
    assert "limits of a box cgroup v2" in done.stdout and "resource limits" not in done.stdout


# --- systemd, for real ---------------------------------------------------------------------------------------------


@pytest.mark.root
def test_a_systemd_of_the_user_makes_the_scope_and_collects_it(tmp_path, binary):
    """With a real systemd --user and a real cgroup v2. The controllers are another matter: cgroup v1 may hold them."""
    for program in ("busctl", "dbus-daemon", "unshare"):
        need(program)
    unit = pathlib.Path(binary).parent / "tests/runtime_test"
    if not unit.exists() or not os.access("/usr/lib/systemd/systemd", os.X_OK):
        pytest.skip("no runtime_test beside claudebox, or no systemd")
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(unit, directory)
        done = subprocess.run(["unshare", "--mount", SOURCE / "tests/e2e/with_systemd", f"{directory}/run", program,
                               "--gtest_filter=Scope.SystemdMakesOneForReal"], capture_output=True, text=True,
                              timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[  PASSED  ] 1 test" in done.stdout
    assert "left: nothing" in done.stdout
