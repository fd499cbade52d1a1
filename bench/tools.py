"""Other sandboxes: which of them this machine has, how each is told to keep a command to a project, and how to get them."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

from host import Host

PACKAGES = {"firejail": ["firejail"], "podman": ["podman", "crun", "uidmap", "slirp4netns"], "srt": ["ripgrep", "socat"]}
FROM_NPM = {"srt": "@anthropic-ai/sandbox-runtime", "codex": "@openai/codex"}
# Root's own cache is closed to the user in whose name it may measure.
CACHE = (pathlib.Path("/var/cache") if os.getuid() == 0 else
         pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")) / "claudebox-bench"
LEFT_BY = "CLAUDEBOX_BENCH_ROOT"  # a variable by which what a tool leaves running is known: podman keeps a process for its namespaces
USR = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin", "--symlink",
       "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]


@dataclasses.dataclass
class Tool:
    """One way to run a command; `words` stand in front of it. Two tools of one `family` differ in their settings."""

    name: str
    family: str
    words: list[str]
    allows: str  # what its settings let through, in a few words
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    lacking: str = ""  # why it can't be run here

    def case(self, host: Host, command: list[str]) -> dict:
        """What bench/rounds starts."""
        return {"name": self.name, "argv": [*self.words, *command], "directory": str(host.project),
                "environment": [f"{name}={value}" for name, value in {**host.environment(), **self.environment}.items()]}


def install() -> None:
    """By apt (as root, or with sudo) what Debian has; the others by npm into the cache directory."""
    names = sorted({name for names in PACKAGES.values() for name in names})
    command = ["apt-get", "install", "-y", "--no-install-recommends", *names]
    subprocess.run(command if os.getuid() == 0 else ["sudo", *command], check=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--prefix", str(CACHE), "--no-audit", "--no-fund", *FROM_NPM.values()], check=True)


def version(program: str) -> str:
    """The first number in what it says of its version."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    return next((word for word in said.split() if word[0].isdigit()), "?")


def find(host: Host) -> list[Tool]:
    """All of them, those that are missing with the reason."""
    nothing = Tool("no sandbox", "none", [], "everything")  # shows that what is tried can be reached
    return [nothing, *bubblewrap(host), *firejail(), *podman(host), *codex(host), *srt(host)]


def versions() -> dict[str, str]:
    found = {name: version(path) for name in ("bwrap", "firejail", "podman") if (path := shutil.which(name))}
    for name, package in FROM_NPM.items():
        described = CACHE / "node_modules" / package / "package.json"
        if described.exists():
            found[name] = json.loads(described.read_text())["version"]
    return found


def bubblewrap(host: Host) -> list[Tool]:
    """As its own documentation shows it: /usr, /etc and the project."""
    words = ["bwrap", *USR, "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run",
             "--tmpfs", str(host.home), "--bind", str(host.project), str(host.project), "--chdir", str(host.project),
             "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent",
             "--new-session"]
    return [Tool("bwrap", "bwrap", [host.bwrap, *words[1:]], "the host's network"),
            Tool("bwrap, no network", "bwrap", [host.bwrap, *words[1:], "--unshare-net"], "no network")]


def firejail() -> list[Tool]:
    path = shutil.which("firejail") or ""
    return [Tool("firejail", "firejail", [path, "--quiet"], "the host's network", lacking="" if path else "not installed")]


def podman(host: Host) -> list[Tool]:
    path = shutil.which("podman") or ""
    # Where podman keeps the run's state; without it podman takes one for every run of this user.
    environment = {"XDG_RUNTIME_DIR": str(host.home / "podman-run"), LEFT_BY: str(host.root)}
    words = [path, "run", "--rm", "--network", "slirp4netns", "--volume", "/usr:/usr:ro", "--volume",
             f"{host.project}:{host.project}", "--workdir", str(host.project), "localhost/claudebox-bench"]
    tool = Tool("podman", "podman", words, "slirp4netns", environment, "" if path else "not installed")
    if path and not host.prefix and os.getuid() == 0:
        tool.lacking = "rootless podman is an ordinary user's; as root: --user NAME"
    if not tool.lacking:
        tool.lacking = podman_image(host, path, environment)
    return [tool]


def podman_image(host: Host, path: str, environment: dict[str, str]) -> str:
    """An image of links into /usr, which a volume brings: every tool runs the same programs. Says why there is none."""
    pathlib.Path(environment["XDG_RUNTIME_DIR"]).mkdir(mode=0o700)
    image = host.home / "image.tar"
    with tarfile.open(image, "w") as tar:
        for name in ("usr", "etc", "proc", "dev", "sys", "tmp", "run"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(directory)
        for name in ("bin", "sbin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(link)
    host.own(host.home)
    done = subprocess.run([*host.prefix, path, "import", "--quiet", str(image), "localhost/claudebox-bench"], cwd=host.home, text=True,
                          env={**host.environment(), **environment}, capture_output=True, stdin=subprocess.DEVNULL)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def from_npm(name: str) -> tuple[str, str]:
    """The program and why it can't be run; what npm installed goes before another one on the PATH."""
    path = shutil.which(name, path=f"{CACHE}/node_modules/.bin:{os.environ['PATH']}") or ""
    return path, "" if path else "not installed"


def codex(host: Host) -> list[Tool]:
    path, lacking = from_npm("codex")
    (host.home / ".codex").mkdir(exist_ok=True)
    workspace = [path, "sandbox", "-c", "sandbox_mode=workspace-write"]
    return [Tool("codex, workspace", "codex", [*workspace, "--"], "no network", lacking=lacking),
            Tool("codex, workspace and network", "codex",
                 [*workspace, "-c", "sandbox_workspace_write.network_access=true", "--"], "the host's network", lacking=lacking)]


def srt(host: Host) -> list[Tool]:
    path, lacking = from_npm("srt")
    missing = [name for name in ("rg", "socat") if not shutil.which(name)]
    settings = host.home / "srt.json"
    settings.write_text(json.dumps({
        "network": {"allowedDomains": ["example.com", "*.npmjs.org", "github.com", "api.anthropic.com"], "deniedDomains": []},
        "filesystem": {"denyRead": ["~/.ssh"], "allowRead": [], "allowWrite": [".", "/tmp"], "denyWrite": [".env"]}}))
    lacking = lacking or ", ".join(f"needs {name}" for name in missing)
    return [Tool("srt", "srt", [path], "no network", lacking=lacking),
            Tool("srt, allowlist", "srt", [path, "-s", str(settings)], "four hosts, by a proxy", lacking=lacking)]


def how_to_get(tool: Tool) -> str:
    if tool.lacking != "not installed":
        return tool.lacking
    if tool.family in FROM_NPM:
        return f"not installed: script/bench --install-peers, or npm install {FROM_NPM[tool.family]}"
    return f"not installed: script/bench --install-peers, or apt install {' '.join(PACKAGES[tool.family])}"
