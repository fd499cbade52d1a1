#!/usr/bin/python3
"""A day of many boxes and one login: access tokens that run out again and again, by the client's clock and by the server's, a
server of tokens that is slow or fails, boxes, supervisors and the host's client that are killed, and a file that is renamed
under way. At the end everyone can still make a request, no refresh token was used twice, and no box ever had one (AUTH-5). The
short form is tests/e2e/test_login_day.py.

  login_day.py [--minutes N] [--boxes N]      60 minutes and 20 boxes

With the real client on the host, where it renews, and in every fifth box; the others are a program that does what it does with
its token. A host's client is never killed while it renews: no lock could give that token back, with or without boxes.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import time

from soak_host import SCRIPTS, soak_host

from api_double import ApiDouble
from login_double import Tokens
from login_host import LoginHost
from network_client import make_authority
from testnet_dns import API4, API6

# By the client's clock a token is good for this long: 270 seconds before its end claudebox has it renewed, and below 300 the
# client renews at every start. By the server's it is good for less.
TOLD, REAL = 285.0, 40.0

REQUESTS = """
import json, os, ssl, sys, time, urllib.error, urllib.request
trust = ssl.create_default_context(cafile=os.environ["NODE_EXTRA_CA_CERTS"])
path = os.environ["CLAUDE_SECURESTORAGE_CONFIG_DIR"] + "/.credentials.json"
body = json.dumps({"model": "fake", "messages": [{"role": "user", "content": "hi"}]}).encode()
while True:
    text = open(path).read()
    token = json.loads(text)["claudeAiOauth"]["accessToken"]
    if "refresh" in text.lower(): print("LEAK", flush=True)
    request = urllib.request.Request("https://api.anthropic.com/v1/messages", body, {"authorization": "Bearer " + token})
    try:
        urllib.request.urlopen(request, timeout=20, context=trust).read()
        print("ok", time.time(), flush=True)
    except (urllib.error.URLError, OSError) as error:
        print("failed", time.time(), str(error).replace(chr(10), " "), flush=True)
    time.sleep(1)
"""
CLIENT = """while :; do
  if claude -p hi >answer 2>&1; then echo "ok $(date +%s.%N)"; else echo "failed $(date +%s.%N) $(head -c 200 answer | tr '\\n' ' ')"; fi
  sleep 2
done"""


class Day:
    def __init__(self, logins: LoginHost, boxes: int, seed: int):
        self.logins, self.tokens = logins, logins.tokens
        self.draw = random.Random(seed)
        self.boxes: dict[int, subprocess.Popen] = {}
        self.count = boxes
        self.problems: list[str] = []
        self.kills = {"boxes": 0, "supervisors": 0, "host clients": 0}
        self.host_runs = 0

    def log_of(self, number: int) -> pathlib.Path:
        return self.logins.host.root / f"box-{number}.log"

    def start(self, number: int) -> None:
        command = ("/bin/sh", "-c", CLIENT) if number % 5 == 0 else ("/usr/bin/python3", "-u", "-c", REQUESTS)
        with self.log_of(number).open("a") as log:
            self.boxes[number] = self.logins.where.popen(
                *command, options=("--instance", f"n{number}", "--force"), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)

    def run(self, seconds: float) -> None:
        for number in range(self.count):
            self.start(number)
        end = time.monotonic() + seconds
        acts = [self.kill_box, self.kill_supervisor, self.host_client, self.host_client, self.kill_host_client, self.rename,
                self.slow, self.fail]
        while time.monotonic() < end:
            self.draw.choice(acts)()
            time.sleep(self.draw.uniform(0.2, 3))
        self.tokens.delay = self.tokens.failing = 0

    # What happens on such a day.

    def kill_box(self) -> None:
        number = self.draw.randrange(self.count)
        self.boxes[number].terminate()
        self.ended(number)
        self.kills["boxes"] += 1

    def kill_supervisor(self) -> None:
        number = self.draw.randrange(self.count)
        self.boxes[number].kill()
        self.ended(number)
        self.kills["supervisors"] += 1

    def ended(self, number: int) -> None:
        try:
            self.boxes[number].wait(60)
        except subprocess.TimeoutExpired:
            self.problems.append(f"box {number} did not end")
        self.start(number)

    def popen_host_client(self) -> subprocess.Popen:
        return subprocess.Popen([self.logins.host.home / ".local/bin/claude", "-p", "hi"], cwd=self.logins.host.project,
                                env=self.logins.host.env, preexec_fn=self.logins.where.enter, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def host_client(self) -> None:
        client = self.popen_host_client()
        try:
            client.wait(90)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()
        self.host_runs += 1

    def kill_host_client(self) -> None:
        """At any moment but one: stopped first, so that it can't begin to renew meanwhile."""
        client = self.popen_host_client()
        time.sleep(self.draw.uniform(0, 1.5))
        for _ in range(600):
            client.send_signal(signal.SIGSTOP)
            if client.poll() is not None or not (self.logins.directory / ".oauth_refresh.lock").exists():
                break
            client.send_signal(signal.SIGCONT)
            time.sleep(0.1)
        client.kill()
        client.wait()
        self.kills["host clients"] += 1

    def rename(self) -> None:
        """The file goes and comes back, as with a backup tool or another login. Not while somebody renews."""
        away = self.logins.directory / "away"
        if (self.logins.directory / ".oauth_refresh.lock").exists():
            return
        self.logins.file.rename(away)
        time.sleep(self.draw.uniform(0, 0.05))
        if self.logins.file.exists():
            away.unlink()  # somebody has renewed meanwhile, with what it had read before
        else:
            away.rename(self.logins.file)

    def slow(self) -> None:
        self.tokens.delay = self.draw.choice([0, 0, 1, 3, 9])

    def fail(self) -> None:
        self.tokens.failing = 500
        time.sleep(self.draw.choice([1, 5, 45]))  # the last one is longer than a token is good for
        self.tokens.failing = 0

    # What is left of it.

    def judge(self) -> None:
        """After all of that, and some time without."""
        calm = time.time()
        deadline = time.monotonic() + 180
        waiting = set(range(self.count))
        while waiting and time.monotonic() < deadline:
            waiting -= {number for number in waiting if self.last_success(number) > calm}
            time.sleep(0.5)
        for number in sorted(waiting):
            self.problems.append(f"box {number} can't make a request: {self.log_of(number).read_text().splitlines()[-2:]}")
        if not self.logins.can_ask():
            self.problems.append("the host can't make a request")
        if used := self.tokens.used_twice():
            self.problems.append(f"used twice: {used}")
        for number in range(self.count):
            if "LEAK" in self.log_of(number).read_text():
                self.problems.append(f"box {number} has seen a refresh token")
        if held := [path for path in self.logins.holds_a_token() if "fake-refresh" in pathlib.Path(path).read_text(errors="replace")]:
            self.problems.append(f"refresh tokens lie in {held}")
        for box in self.boxes.values():
            box.terminate()
        for box in self.boxes.values():
            box.wait(60)

    def last_success(self, number: int) -> float:
        times = [float(line.split()[1]) for line in self.log_of(number).read_text().splitlines() if line.startswith("ok ")]
        return max(times, default=0.0)

    def figures(self) -> str:
        lines = [line for number in range(self.count) for line in self.log_of(number).read_text().splitlines()]
        good, bad = (sum(line.startswith(word) for line in lines) for word in ("ok ", "failed "))
        renewals = [status for _, status in self.tokens.asked]
        return (f"{len(renewals)} requests for a token: {renewals.count(200)} renewed, {renewals.count(500)} failed by the server, "
                f"{renewals.count(400)} refused; {good} requests of boxes, {bad} failed; {self.host_runs} runs on the host; killed: "
                + ", ".join(f"{count} {what}" for what, count in self.kills.items()))


def run(logins: LoginHost, seconds: float, boxes: int, seed: int = 20261128) -> Day:
    """`logins` with the lifetimes of TOLD and REAL."""
    logins.log_in(left=TOLD)
    day = Day(logins, boxes, seed)
    day.run(seconds)
    day.judge()
    return day


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--boxes", type=int, default=20)
    wish = parser.parse_args()
    fetched = subprocess.run([SCRIPTS / "fetch-agent", "claude"], check=True, capture_output=True, text=True)
    with soak_host() as where, tempfile.TemporaryDirectory() as directory:
        certificate, key = make_authority(pathlib.Path(directory))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        tokens = Tokens(TOLD, REAL)
        double = ApiDouble(listeners=[where.net.listen("internet", address, 443) for address in (API4, API6)], tls=context,
                           routes=tokens.routes, authorized=tokens.authorized)
        double.start()
        day = run(LoginHost(where, fetched.stdout.strip(), double, tokens, certificate), wish.minutes * 60, wish.boxes)
        double.stop()
        print(f"{wish.minutes} minutes, {wish.boxes} boxes, as uid {os.getuid()}: {day.figures()}")
    print("\n".join(day.problems) or "everyone is logged in")
    sys.exit(1 if day.problems else 0)


if __name__ == "__main__":
    main()
