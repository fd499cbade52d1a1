#!/usr/bin/python3
"""An HTTP proxy, as companies have them: CONNECT, and GET of a whole URL. It looks up names itself, in the zone of the test
network, and connects from the namespace in which it was started.

  testnet_proxy.py LISTENER-FD      prints one line a request: "CONNECT api.anthropic.com:443"
"""

from __future__ import annotations

import socket
import sys
import threading
import urllib.parse

import testnet_dns as dns


def address_of(host: str) -> str:
    known = dns.find(host)
    return known[dns.A][0] if known else host


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(65536)
        if not data:
            return
        head += data
    first, _, rest = head.partition(b"\r\n")
    method, target, _ = first.decode("latin-1").split(" ", 2)
    print(method, target, flush=True)
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        path = None
    else:
        url = urllib.parse.urlsplit(target)
        host, port, path = url.hostname, url.port or 80, url.path or "/"
    try:
        server = socket.create_connection((address_of(host.strip("[]")), int(port)), 10)
    except OSError:
        return client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    if path is None:
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        server.sendall(rest.partition(b"\r\n\r\n")[2])
    else:
        server.sendall(f"{method} {path} HTTP/1.0\r\n".encode() + rest)
    upwards = threading.Thread(target=pump, args=(client, server), daemon=True)
    upwards.start()
    pump(server, client)
    upwards.join(10)
    server.close()


def answer(client: socket.socket) -> None:
    with client:
        try:
            serve(client)
        except (OSError, ValueError):
            pass


listener = socket.socket(fileno=int(sys.argv[1]))
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
