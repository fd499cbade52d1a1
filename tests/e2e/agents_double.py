"""A test double, on loopback, of the APIs that agents other than Claude Code speak: OpenAI's responses and Gemini's
generateContent. And a proxy that takes TLS connections for whom it is told to, for a login that is checked elsewhere.

As in api_double, the prompt says what to answer: a line "RUN:<command>" is answered with one call of the agent's shell
tool, and what that gave back is kept in `tool_results`; every other prompt is answered with REPLY.
"""

from __future__ import annotations

import http.server
import json
import re
import ssl
import threading
from typing import Any

from api_double import REPLY, Answer, ApiDouble, Request, Route

GEMINI = "gemini-2.5-pro"


def sse(*events: dict[str, Any]) -> Answer:
    name = lambda event: f"event: {event['type']}\n" if "type" in event else ""
    return Answer(body=b"".join(f"{name(event)}data: {json.dumps(event)}\r\n\r\n".encode() for event in events),
                  content_type="text/event-stream")


def command_in(texts: list[str]) -> str:
    """Of the last text that has one. An agent may put quotes around a prompt."""
    found = re.findall(r'^"?RUN:(.*?)"?\s*$', "\n".join(texts), re.MULTILINE)
    return found[-1].strip() if found else ""


class AgentsDouble(ApiDouble):
    def __init__(self) -> None:
        routes: dict[tuple[str, str], Route] = {
            ("POST", "/v1/responses"): self._responses,
            ("POST", f"/v1beta/models/{GEMINI}:streamGenerateContent"): self._generate,
        }
        super().__init__(routes=routes)

    def said(self) -> str:
        """All that an agent ever sent, as one text."""
        return json.dumps([entry["body"] for entry in self.log])

    def credentials(self) -> set[str]:
        """What the requests that carry tools were authorized by."""
        return {entry["credential"] for entry in self.log if entry["body"].get("tools")}

    def _responses(self, request: Request) -> Answer:
        body = request.json()
        outputs = [item for item in body["input"] if item.get("type") == "function_call_output"]
        texts = [part.get("text", "") for item in body["input"] if item.get("role") == "user"
                 for part in item["content"]]
        tools = [tool.get("name") for tool in body.get("tools", [])]
        shell = next((name for name in ("exec_command", "shell_command", "bash") if name in tools), None)
        command = command_in(texts)
        self.tool_results += [str(output["output"]) for output in outputs]
        if command and shell and not outputs:
            arguments = {"cmd": command} if shell == "exec_command" else {"command": command, "description": "Scripted"}
            item = {"type": "function_call", "id": "fc_fake", "call_id": "call_fake", "name": shell,
                    "arguments": json.dumps(arguments), "status": "completed"}
            deltas = []
        else:
            item = {"type": "message", "id": "msg_fake", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": REPLY, "annotations": []}]}
            deltas = [{"type": "response.output_text.delta", "item_id": "msg_fake", "output_index": 0,
                       "content_index": 0, "delta": REPLY}]
        whole = {"id": "resp_fake", "object": "response", "created_at": 1, "model": body["model"],
                 "status": "completed", "output": [item],
                 "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
                           "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 8}}
        return sse({"type": "response.created", "response": dict(whole, status="in_progress", output=[])},
                   {"type": "response.output_item.added", "output_index": 0, "item": item}, *deltas,
                   {"type": "response.output_item.done", "output_index": 0, "item": item},
                   {"type": "response.completed", "response": whole})

    def _generate(self, request: Request) -> Answer:
        body = request.json()
        parts = [part for message in body["contents"] for part in message.get("parts", [])]
        outputs = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
        tools = [function["name"] for tool in body.get("tools", []) for function in tool["functionDeclarations"]]
        command = command_in([part.get("text", "") for part in parts])
        self.tool_results += [str(output.get("output", output)) for output in outputs]
        part: dict[str, Any] = {"text": REPLY}
        if command and "run_shell_command" in tools and not outputs:
            part = {"functionCall": {"name": "run_shell_command",
                                     "args": {"command": command, "description": "Scripted"}}}
        return sse({"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
                    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 5, "totalTokenCount": 8}})


class TlsTrap:
    """An HTTP proxy that answers every CONNECT itself, keeps what it is told, and closes. `told` is (host, request)."""

    def __init__(self, certificate: str, key: str) -> None:
        self.told: list[tuple[str, str]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        trap = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.close_connection = True
                try:
                    with context.wrap_socket(self.connection, server_side=True) as inside:
                        inside.settimeout(2)
                        text = b""
                        while b"FAKE" not in text and (more := inside.recv(65536)):
                            text += more
                except OSError:
                    pass
                trap.told.append((self.path, text.decode(errors="replace")))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
