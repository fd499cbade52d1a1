"""A stand-in for nixpkgs that needs no network: a git repository with Debian's static busybox and bash, and derivations that
those build. Any nix resolves it like the real one, by a registry.

Packages: hello; greeter and many (a closure of MANY paths); multi (two outputs); two (another program); bad (fails with ten
lines); slow and slower (built once the test opens their gate, see NixHost.open_gate); big (bytes of a kind that does not
compress, for a download). `lib` has what a flake of a test makes others of.
"""

from __future__ import annotations

import pathlib
import platform
import shutil
import subprocess

from conftest import need

SYSTEM = f"{platform.machine()}-linux"
MANY = 300
BIG = 4 << 20

FLAKE = r"""{
  outputs = { self }: let
    system = "@SYSTEM@";
    bin = ./bin;
    bb = "${bin}/busybox";
    run = name: script: extra: derivation ({
      inherit name system;
      builder = bb;
      args = [ "sh" "-c" "m() { ${bb} \"$@\"; }; set -e; ${script}" ];
    } // extra);
    program = name: text: run name
      "m mkdir -p $out/bin; m printf '#!${bb} sh\n%s\n' \"$text\" >$out/bin/${name}; m chmod +x $out/bin/${name}"
      { inherit text; };
    wait = name: run name
      "echo waiting @TOKEN@; n=0; while ! [ -e /gate/${name} ]; do m sleep 0.05; n=$((n+1)); [ $n -lt 2400 ]; done; m mkdir -p $out/bin; m printf '#!${bb} sh\necho ${name}\n' >$out/bin/${name}; m chmod +x $out/bin/${name}" { };
    chain = count: builtins.foldl' (before: n: builtins.toFile "link-${toString n}" "after ${before}\n")
      (builtins.toFile "link-0" "the end\n") (builtins.genList (n: n + 1) (count - 1));
    stdenv = run "stdenv-0"
      "m mkdir $out; echo 'export PATH=; for t in $tools; do PATH=$t/bin:$PATH; done' >$out/setup" { };
    shell = variables: derivation ({
      name = "shell"; inherit system stdenv; builder = "${bin}/bash"; outputs = [ "out" ];
    } // variables);
  in {
    lib = { inherit run program shell wait chain system; };
    packages.${system} = rec {
      hello = program "hello" "echo hello from the store";
      two = program "two" "echo two";
      greeter = program "greeter" "exec ${hello}/bin/hello";
      many = program "many" "exec ${bb} cat ${chain @MANY@}";
      multi = run "multi-1" "m mkdir -p $out/bin $dev/bin; for p in $out/bin/multi $dev/bin/multi-config; do m printf '#!${bb} sh\necho multi\n' >$p; m chmod +x $p; done" { outputs = [ "out" "dev" ]; };
      bad = run "bad-1" "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; done; m printf 'last \\033[31mline\\n'; exit 3" { };
      slow = wait "slow";
      slower = wait "slower";
      big = run "big-1" "m mkdir -p $out/bin; m dd if=/dev/urandom of=$out/bin/data bs=65536 count=@BLOCKS@ 2>/dev/null" { };
    };
    devShells.${system} = {
      default = shell {
        tools = [ self.packages.${system}.hello ]; FOO = "bar baz"; WHERE = "${self.packages.${system}.two}";
        LD_PRELOAD = "${bin}/preload.so"; SSL_CERT_FILE = "${bin}/no-certificates"; http_proxy = "http://${bin}";
        API_TOKEN = "${bin}/token"; GIT_SSH_COMMAND = "${bin}/ssh"; EMPTY = "";
      };
    };
  };
}
"""


def git(directory: pathlib.Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", directory, "-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "safe.directory=*",
         *arguments], env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_flake(directory: pathlib.Path, token: str) -> None:
    """The stand-in's repository, with one commit. `token` stands in the command of what waits for its gate."""
    (directory / "bin").mkdir(parents=True)
    for program, name in (("busybox", "busybox"), ("bash-static", "bash")):
        shutil.copy(need(program), directory / "bin" / name)
    text = FLAKE.replace("@SYSTEM@", SYSTEM).replace("@MANY@", str(MANY)).replace("@BLOCKS@", str(BIG // 65536)).replace("@TOKEN@", token)
    (directory / "flake.nix").write_text(text)
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-q", "-m", "Packages")


def change_flake(directory: pathlib.Path, old: str, new: str) -> None:
    """A later commit, in which `old` of its text is `new`."""
    flake = directory / "flake.nix"
    text = flake.read_text()
    assert old in text
    flake.write_text(text.replace(old, new))
    git(directory, "commit", "-q", "-a", "-m", "A change")


# What a local flake of a test is: outputs made of the stand-in's library, with the registry's nixpkgs as its input.
LOCAL = """{
  outputs = { self, nixpkgs }: let lib = nixpkgs.lib; hello = nixpkgs.packages.@SYSTEM@.hello; in {
    packages.@SYSTEM@ = { @PACKAGES@ };
    devShells.@SYSTEM@ = { @SHELLS@ };
  };
}
"""


def local_flake(packages: str = "", shells: str = "") -> str:
    """Text of a flake.nix: attributes of its packages and of its dev shells."""
    return LOCAL.replace("@SYSTEM@", SYSTEM).replace("@PACKAGES@", packages).replace("@SHELLS@", shells)
