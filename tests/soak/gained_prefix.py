#!/usr/bin/python3
"""How much of what a box sends still leaves after the host has gained a network: packets and milliseconds from the kernel's own
notification to the last one, while the box sends without a pause. Figures only; there is nothing here to fail but a network
that stays open.

  gained_prefix.py [GAINS] [PAUSE]    200 gains, and 0.0002 seconds between two datagrams; a minute. Without a pause the box
                                      sends faster than slirp4netns takes: what was passed before the gain waits there.
"""

from __future__ import annotations

import json
import subprocess
import sys

from soak_host import distribution, soak_host

# In the box: datagrams to an address that is public until the host gains its network.
SENDER = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("ready", flush=True)
while True:
    try: s.sendto(b"x", ("45.70.0.8", 9))
    except OSError: pass
    time.sleep(PAUSE)
"""

# On the host, with the clock of the kernel's notifications and of the packets that leave.
OBSERVER = """
import json, select, socket, struct, subprocess, sys, time
changes = [("route add 45.70.0.0/16 dev vpn0", "route del 45.70.0.0/16 dev vpn0"),
           ("addr add 45.70.0.1/16 dev vpn0", "addr del 45.70.0.1/16 dev vpn0")]
link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))  # only ETH_P_ALL sees what leaves
link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
link.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS: when it left, not when it was read
target = socket.inet_aton("45.70.0.8")
monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
monitor.bind((0, 0x40 | 0x10))  # IPv4 routes and addresses
def packets(seconds):
    # All that have come once the time is over.
    time.sleep(seconds)
    found = []
    while select.select([link], [], [], 0)[0]:
        data, control, _, where = link.recvmsg(2048, 512)
        if where[2] == 4 and data[16:20] == target:
            whole, nanoseconds = struct.unpack("qq", control[0][2])
            found.append(whole + nanoseconds / 1e9)
    return found
for number in range(int(sys.argv[1])):
    change, undo = changes[number % 2]
    while not packets(0.02): pass  # it is open, and the box sends
    while select.select([monitor], [], [], 0)[0]: monitor.recv(65536)
    ip = subprocess.Popen(["ip", *change.split()])
    monitor.recv(65536)
    notified = time.time()
    after = [at - notified for at in packets(0.15) if at > notified]
    still = sum(1 for at in after if at > 0.1)
    ip.wait()
    subprocess.run(["ip", *undo.split()], check=True)
    print(json.dumps([len(after), max(after, default=0) * 1000, still]), flush=True)
"""


def main() -> None:
    gains, pause = int((sys.argv[1:] or ["200"])[0]), (sys.argv[2:] or ["0.0002"])[0]
    with soak_host() as where:
        with where.talking(SENDER.replace("PAUSE", pause)):
            observer = where.net.popen("host", sys.executable, "-S", "-c", OBSERVER, str(gains), stdout=subprocess.PIPE, text=True)
            out = observer.communicate(timeout=60 + gains * 2)[0]
    results = [json.loads(line) for line in out.splitlines()]
    open_after = sum(1 for _, _, still in results if still)
    print(f"{len(results)} gains; still open a tenth of a second later: {open_after}")
    print(f"packets after the notification: {distribution([count for count, _, _ in results])}")
    print(f"milliseconds until the last one: {distribution([milliseconds for _, milliseconds, _ in results])}")
    sys.exit(0 if len(results) == gains and not open_after else 1)


if __name__ == "__main__":
    main()
