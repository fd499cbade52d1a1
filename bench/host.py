"""A host of its own for the measurements: a temporary home, an environment made from nothing, projects; and claudebox."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import subprocess
import sys


class Host:
    """Where root measures for somebody else, `user` is whose name everything is run in: `prefix` in front of a command."""

    def __init__(self, build: pathlib.Path, root: pathlib.Path, home: pathlib.Path | None = None, user: str = ""):
        self.build, self.root = build, root
        self.user = user or pwd.getpwuid(os.getuid()).pw_name
        self.prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--inh-caps=-all", "--"] if user else []
        self.binary = str(build / "claudebox")
        self.bwrap = shutil.which("bwrap") or sys.exit("bench: bwrap is not installed\nhint: script/bootstrap")
        self.home = home or root / "home"
        (self.home / ".local/bin").mkdir(parents=True)
        (self.home / ".gitconfig").write_text("[user]\n\tname = Bench\n\temail = bench@example.org\n")
        self.project = self.make_project("project")

    def environment(self, first: str = "") -> dict[str, str]:
        """`first` is put in front of the PATH."""
        path = f"{self.home}/.local/bin:/usr/local/bin:/usr/bin:/bin"
        return {"HOME": str(self.home), "USER": self.user, "LOGNAME": self.user, "PATH": f"{first}:{path}" if first else path,
                "SHELL": "/bin/bash", "LANG": "C.UTF-8", "TERM": "xterm-256color"}

    def make_project(self, name: str, files: int = 0) -> pathlib.Path:
        project = self.home / name
        project.mkdir()
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=project, env=self.environment(), check=True)
        for number in range(files):
            if number % 100 == 0:
                directory = project / f"a{number // 10000}" / f"b{number // 100}" / "c"
                directory.mkdir(parents=True)
            (directory / f"file{number}").write_bytes(b"sixty bytes of nothing in particular, in a file of its own.\n")
        return project

    def own(self, path: pathlib.Path) -> None:
        """Gives what was made here to the user that it was made for."""
        if self.prefix:
            subprocess.run(["chown", "--recursive", "--no-dereference", f"{self.user}:{self.user}", str(path)], check=True)

    def run(self, *arguments: str, project: pathlib.Path | None = None, first: str = "") -> str:
        """claudebox, to its end; it has to succeed."""
        done = subprocess.run([*self.prefix, self.binary, *arguments], cwd=project or self.project, stdin=subprocess.DEVNULL,
                              env=self.environment(first), capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            sys.exit(f"bench: claudebox {' '.join(arguments)} failed with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def box_words(self, tier: str, *options: str) -> list[str]:
        """The words of claudebox in front of the command. The tier allowlist has to be told something."""
        allow = ["--allow", "example.org"] if tier == "allowlist" else []
        return [self.binary, "run", "--yes", "--network", tier, *allow, *options, "--"]
