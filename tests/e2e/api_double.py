#!/usr/bin/python3
"""A test double of the Anthropic API on loopback, for the real Claude Code client. Standard library only.

What it answers is scripted by the prompt, so that a test reads as a conversation. A prompt that holds lines
"RUN:<command>" is answered with one Bash tool call a line, in order; what the tools gave back is kept in
`tool_results`. After the last one, and for every other prompt, the answer is a text: what stands in a line
"SAY:<text>", else REPLY.

Routes are a table of (method, path) to a function, and hosts are told apart by nothing but their paths, so that
further endpoints (logins) can be laid over it: `ApiDouble(routes={...})`.

As a program: prints its URL, then one JSON line a request, until its standard input ends.
"""

from __future__ import annotations

import dataclasses
import http.server
import itertools
import json
import re
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from typing import Any, Callable, Sequence

REPLY = "This is the reply of the test double."
ZERO_UUID = "00000000-0000-4000-8000-00000000fa4e"


@dataclasses.dataclass
class Request:
    method: str
    host: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, or else as a form; {} where it is neither."""
        try:
            value = json.loads(self.body)
            return value if isinstance(value, dict) else {}
        except ValueError:
            return dict(urllib.parse.parse_qsl(self.body.decode(errors="replace")))


@dataclasses.dataclass
class Answer:
    status: int = 200
    body: Any = dataclasses.field(default_factory=dict)  # bytes as they are, anything else as JSON
    content_type: str = "application/json"


Route = Callable[[Request], Answer]


def failure(status: int, kind: str, message: str) -> Answer:
    return Answer(status, {"type": "error", "error": {"type": kind, "message": message}})


# --- what the model says -------------------------------------------------------------------------------------------


def text_blocks(content: Any) -> list[str]:
    """The texts of a message's content, without the reminders that the client adds of itself."""
    blocks = [content] if isinstance(content, str) else [b.get("text", "") for b in content if b.get("type") == "text"]
    return [text for text in blocks if not text.lstrip().startswith("<system-reminder>")]


def result_text(block: dict[str, Any]) -> str:
    content = block.get("content", "")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def tool_results(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [b for b in content if b.get("type") == "tool_result"] if isinstance(content, list) else []


def turn(messages: list[dict[str, Any]]) -> tuple[str, int]:
    """The prompt that is being worked on, and how many tool calls have been answered since."""
    answered = 0
    for message in reversed(messages):
        if message.get("role") != "user":
            continue
        if results := tool_results(message):
            answered += len(results)
        elif texts := text_blocks(message.get("content", "")):
            return "\n".join(texts), answered
    return "", answered


def choose(body: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """The content of the answer to a /v1/messages request."""
    prompt, answered = turn(body.get("messages", []))
    commands = re.findall(r"^RUN:(.*)$", prompt, re.MULTILINE)
    has_shell = any(tool.get("name") == "Bash" for tool in body.get("tools", []))
    if has_shell and answered < len(commands):
        return [{"type": "tool_use", "id": f"toolu_fake{number:06}", "name": "Bash",
                 "input": {"command": commands[answered].strip(), "description": "Scripted"}}]
    said = re.findall(r"^SAY:(.*)$", prompt, re.MULTILINE)
    return [{"type": "text", "text": said[-1].strip() if said else REPLY}]


def message(body: dict[str, Any], content: list[dict[str, Any]], number: int) -> dict[str, Any]:
    stop = "tool_use" if content[-1]["type"] == "tool_use" else "end_turn"
    usage = {"input_tokens": 3, "output_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"id": f"msg_fake{number:06}", "type": "message", "role": "assistant", "model": body.get("model", "fake"),
            "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}


def as_events(whole: dict[str, Any]) -> bytes:
    """A message as server-sent events, one delta a block."""
    usage = dict(whole["usage"], output_tokens=1)
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": dict(whole, content=[], stop_reason=None, usage=usage)}]
    for index, block in enumerate(whole["content"]):
        if block["type"] == "tool_use":
            start = dict(block, input={})
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            start = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        events += [{"type": "content_block_start", "index": index, "content_block": start},
                   {"type": "content_block_delta", "index": index, "delta": delta},
                   {"type": "content_block_stop", "index": index}]
    events += [{"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
                "usage": {"output_tokens": whole["usage"]["output_tokens"]}},
               {"type": "message_stop"}]
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


# --- the server ----------------------------------------------------------------------------------------------------


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may go away in the middle of a request, or of TLS."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class ApiDouble:
    """Listens on a port of its own, or on the sockets that it is given. Everything that it was asked is in `log`, in order."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, routes: dict[tuple[str, str], Route] | None = None,
                 authorized: Callable[[Request], bool] = lambda request: True,
                 listeners: Sequence[socket.socket] = (), tls: ssl.SSLContext | None = None):
        self.log: list[dict[str, Any]] = []
        self.tool_results: list[str] = []
        self.authorized = authorized
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._seen_results: set[str] = set()
        self.routes: dict[tuple[str, str], Route] = {
            ("POST", "/v1/messages"): self._messages,
            ("POST", "/v1/messages/count_tokens"): lambda request: Answer(body={"input_tokens": 3}),
            ("GET", "/api/oauth/profile"): self._profile,
            ("GET", "/api/oauth/claude_cli/roles"): lambda request: Answer(body={
                "organization_role": "user", "workspace_role": None, "organization_name": "Fake Organisation"}),
            ("GET", "/api/hello"): lambda request: Answer(body={"message": "hello"}),
            ("HEAD", "/api/hello"): lambda request: Answer(body={"message": "hello"}),
            ("GET", "/v1/oauth/hello"): lambda request: Answer(body={"message": "hello"}),
            **(routes or {}),
        }
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self) -> None:
                double._serve(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_request

            def log_message(self, *_: Any) -> None:
                pass  # the log of requests is `log`

        self._servers = []
        for listener in listeners or [socket.create_server((address, port))]:
            server = Server(listener.getsockname(), Handler, bind_and_activate=False)
            server.socket.close()
            server.socket = tls.wrap_socket(listener, server_side=True, do_handshake_on_connect=False) if tls else listener
            self._servers.append(server)
        self.port = self._servers[0].socket.getsockname()[1]
        self.url = f"http://{address}:{self.port}"

    def start(self) -> None:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    # What tests ask.

    def requests(self, path: str) -> list[dict[str, Any]]:
        with self._lock:
            return [entry for entry in self.log if entry["path"] == path]

    def conversations(self) -> list[dict[str, Any]]:
        """The bodies of the /v1/messages requests that carry tools: the agent's own, not its small side questions."""
        return [entry["body"] for entry in self.requests("/v1/messages") if entry["body"].get("tools")]

    # How it answers.

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        url = urllib.parse.urlsplit(handler.path)
        length = int(handler.headers.get("content-length") or 0)
        request = Request(handler.command, handler.headers.get("host", ""), url.path, url.query,
                          {name.lower(): value for name, value in handler.headers.items()}, handler.rfile.read(length))
        route = self.routes.get((request.method, request.path))
        answer = route(request) if route else failure(404, "not_found_error", f"no such path: {request.path}")
        self._record(request, answer)
        data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        try:
            handler.send_response(answer.status)
            handler.send_header("content-type", answer.content_type)
            handler.send_header("cache-control", "no-cache")
            handler.send_header("request-id", f"req_fake{next(self._numbers):06}")
            handler.send_header("content-length", str(len(data)))
            handler.end_headers()
            if request.method != "HEAD":
                handler.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client did not wait for the answer

    def _record(self, request: Request, answer: Answer) -> None:
        credential = request.headers.get("authorization") or request.headers.get("x-api-key") or \
            request.headers.get("x-goog-api-key") or ""
        body = request.json()
        with self._lock:
            self.log.append({"time": time.time(), "method": request.method, "host": request.host, "path": request.path,
                             "status": answer.status, "credential": credential[:40],
                             "agent": request.headers.get("user-agent", ""), "body": body})

    def _messages(self, request: Request) -> Answer:
        if not self.authorized(request):
            return failure(401, "authentication_error", "invalid credentials (from the test double)")
        body, number = request.json(), next(self._numbers)
        with self._lock:
            for sent in body.get("messages", []):
                for block in tool_results(sent):
                    if block.get("tool_use_id") not in self._seen_results:
                        self._seen_results.add(block.get("tool_use_id"))
                        self.tool_results.append(result_text(block))
        whole = message(body, choose(body, number), number)
        if body.get("stream"):
            return Answer(body=as_events(whole), content_type="text/event-stream")
        return Answer(body=whole)

    def _profile(self, request: Request) -> Answer:
        if not self.authorized(request):
            return failure(401, "authentication_error", "invalid credentials (from the test double)")
        mail = "fake@example.org"
        return Answer(body={
            "account": {"uuid": ZERO_UUID, "email_address": mail, "email": mail, "full_name": "Fake Person",
                        "display_name": "Fake"},
            "organization": {"uuid": ZERO_UUID, "name": "Fake Organisation", "organization_type": "claude_max",
                             "rate_limit_tier": "default_claude_max_5x"}})


def main() -> None:
    double = ApiDouble()
    double.start()
    print(double.url, flush=True)
    shown = 0

    def show() -> None:
        nonlocal shown
        while True:
            for entry in double.log[shown:]:
                print(json.dumps({**entry, "body": None}), flush=True)
                shown += 1
            time.sleep(0.1)

    threading.Thread(target=show, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
