"""A binary cache of Nix on the host's loopback, whose downloads a test can hold half way."""

from __future__ import annotations

import contextlib
import http.server
import pathlib
import threading

from nix_host import NixHost


class Cache:
    """What lies in `directory`. `asked` are the paths that were asked for; while `hold` is set, a package's download stops half
    way, which `halfway` tells."""

    def __init__(self, directory: pathlib.Path):
        self.asked: list[str] = []
        self.halfway, self.go = threading.Event(), threading.Event()
        self.go.set()
        cache = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                cache.asked.append(self.path)
                file = directory / self.path.lstrip("/")
                if not file.is_file():
                    return self.send_error(404)
                content = file.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                half = len(content) // 2 if self.path.startswith("/nar/") else 0
                with contextlib.suppress(ConnectionError):  # the one that is cancelled
                    self.wfile.write(content[:half])
                    if half:
                        cache.halfway.set()
                        cache.go.wait(120)
                    self.wfile.write(content[half:])

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def hold(self) -> None:
        self.halfway.clear()
        self.go.clear()

    def close(self) -> None:
        self.go.set()
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def cache_of(nix: NixHost, *packages: str):
    """A cache that has these packages, while the host's store has them no more; the host uses it."""
    directory = nix.directory / "cache"
    directory.mkdir()
    nix.own(directory)
    for package in packages:
        done = nix.nix("copy", "--to", f"file://{directory}", f"nixpkgs#{package}")
        assert done.returncode == 0, done.stderr
    nix.collect()
    cache = Cache(directory)
    try:
        nix.start(f"substituters = {cache.url}", "require-sigs = false")
        yield cache
    finally:
        cache.close()
