#!/usr/bin/python3
"""No race at the start: the very first acts of a command are a TCP connection over IPv4, one over IPv6 and a lookup, and
none of them fails (NET-6). The long form; its short form is in tests/e2e/test_soak.py.

  no_start_race.py [STARTS] [TIER]        500 starts in the tier internet; some minutes

The command is a C program without a library to load where a compiler is there, so that its first act is as early as can be;
else an interpreter.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import time

from soak_host import distribution, soak_host

from testnet import PUBLIC4, PUBLIC6

OPTIONS = {"internet": (), "allowlist": ("--allow", "public.test")}

# In allowlist the lookup has to come first, as it is what opens the addresses.
SOURCE = r"""
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int reach(int family, const char* text) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
  inet_pton(family, text, family == AF_INET ? (void*)&v4.sin_addr : (void*)&v6.sin6_addr);
  const int sock = socket(family, SOCK_STREAM, 0);
  if (connect(sock, family == AF_INET ? (struct sockaddr*)&v4 : (struct sockaddr*)&v6, family == AF_INET ? sizeof v4 : sizeof v6)) {
    printf("%s: %s\n", text, strerror(errno));
    return 1;
  }
  close(sock);
  return 0;
}

static int look_up(void) {
  struct addrinfo* found = 0;
  const int error = getaddrinfo("public.test", "80", 0, &found);
  if (error) printf("lookup: %s\n", gai_strerror(error));
  return error != 0;
}

int main(int count, char** words) {
  (void)count;
  int failed = words[3][0] == 'n' ? look_up() : 0;
  failed |= reach(AF_INET, words[1]);
  failed |= reach(AF_INET6, words[2]);
  failed |= words[3][0] == 'n' ? 0 : look_up();
  if (!failed) puts("ok");
  return failed;
}
"""

PYTHON = """
import socket, sys
acts = [lambda: socket.create_connection((sys.argv[1], 80)).close(), lambda: socket.create_connection((sys.argv[2], 80)).close()]
name = lambda: socket.getaddrinfo("public.test", 80)
for act in [name, *acts] if sys.argv[3] == "n" else [*acts, name]: act()
print("ok")
"""


def command(directory: pathlib.Path) -> tuple[str, ...]:
    """Of the first acts, in the project."""
    compiler = shutil.which("cc")
    if not compiler:
        return "/usr/bin/python3", "-I", "-S", "-c", PYTHON
    source, program = directory / "first.c", directory / "first"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-O1", "-o", program, source], check=True, capture_output=True)
    return (str(program),)


def run(where, network: str, starts: int, say=lambda text: None) -> tuple[list[str], list[float]]:
    """What failed, and the milliseconds of each run."""
    acts = (*command(where.host.project), PUBLIC4, PUBLIC6, "n" if network == "allowlist" else "a")
    problems, times = [], []
    for number in range(starts):
        begin = time.monotonic()
        done = where.run(*acts, network=network, options=OPTIONS[network])
        times.append((time.monotonic() - begin) * 1000)
        if done.returncode or done.stdout != "ok\n":
            problems.append(f"start {number}: exit {done.returncode} {done.stdout!r} {done.stderr!r}")
        if (number + 1) % 100 == 0:
            say(f"{number + 1} starts, {len(problems)} failed")
    return problems, times


def main() -> None:
    starts, network = int((sys.argv[1:] or ["500"])[0]), (sys.argv[2:] or ["internet"])[0]
    with soak_host() as where:
        problems, times = run(where, network, starts, lambda text: print(text, flush=True))
    print(f"{starts} starts in {network} as uid {os.getuid()}, {len(problems)} failed")
    print(f"milliseconds of a whole run: {distribution(times)}")
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
