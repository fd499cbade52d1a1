"""What a server of tokens does, for the double of the API: refresh tokens are used once. Obviously fake ones."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
import time

from api_double import Answer, Request

SCOPES = ["user:inference", "user:profile", "user:sessions:claude_code"]


@dataclasses.dataclass
class Pair:
    family: int
    access: str
    refresh: str
    expires: float  # by this server's clock


class Tokens:
    """Give `routes` and `authorized` to ApiDouble. `asked` holds each refresh token that was sent, with the status that it got.

    lifetime      what clients are told, seconds. Below five minutes a client refreshes before every request
    real_lifetime how long an access token works, where that is less
    delay         of the answer alone: what was asked for has been done by then
    failing       what the endpoint answers in place of a token: 500
    revokes       a refresh token that is used again takes its whole family with it
    """

    def __init__(self, lifetime: float = 8 * 3600, real_lifetime: float | None = None, revokes: bool = True):
        self.lifetime, self.real_lifetime, self.revokes = lifetime, real_lifetime, revokes
        self.delay, self.failing = 0.0, 0
        self.asked: list[tuple[str, int]] = []
        self.revoked: list[str] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._families = itertools.count(1)
        self._access: dict[str, Pair] = {}
        self._refresh: dict[str, Pair] = {}
        self._used: dict[str, Pair] = {}
        self.routes = {("POST", "/v1/oauth/token"): self._token, ("POST", "/v1/oauth/token/revoke"): self._revoke}

    # What tests ask and change.

    def log_in(self) -> Pair:
        """A login of its own, as a person makes it in a browser."""
        with self._lock:
            return self._issue(next(self._families))

    def works(self, access: str) -> bool:
        with self._lock:
            pair = self._access.get(access)
            return pair is not None and time.time() < pair.expires

    def newest(self) -> Pair:
        with self._lock:
            return list(self._access.values())[-1]

    def everything(self) -> list[str]:
        """Every refresh token that there ever was."""
        with self._lock:
            return [*self._refresh, *self._used]

    def used_twice(self) -> list[str]:
        """Those that the server saw more than once where it had answered."""
        seen = [token for token, status in self.asked if status != 500]
        return sorted({token for token in seen if seen.count(token) > 1})

    def authorized(self, request: Request) -> bool:
        credential = request.headers.get("authorization", "")
        return bool(request.headers.get("x-api-key")) or self.works(credential.removeprefix("Bearer "))

    # How it answers.

    def _issue(self, family: int) -> Pair:
        number = next(self._numbers)
        for access in [a for a, pair in self._access.items() if pair.family == family]:
            del self._access[access]
        life = self.lifetime if self.real_lifetime is None else self.real_lifetime
        pair = Pair(family, f"fake-access-{number:05}", f"fake-refresh-{number:05}", time.time() + life)
        self._access[pair.access] = pair
        self._refresh[pair.refresh] = pair
        return pair

    def _token(self, request: Request) -> Answer:
        answer = self._exchange(request.json())
        time.sleep(self.delay)
        return answer

    def _exchange(self, body: dict) -> Answer:
        sent = str(body.get("refresh_token", ""))
        with self._lock:
            if self.failing:
                self.asked.append((sent, self.failing))
                return Answer(self.failing, {"error": "server_error"})
            old = self._refresh.pop(sent, None)
            if old is None:
                self.asked.append((sent, 400))
                if self.revokes and sent in self._used:
                    self._end_family(self._used[sent].family)
                return Answer(400, {"error": "invalid_grant", "error_description": "used, revoked or not known"})
            self.asked.append((sent, 200))
            self._used[sent] = old
            pair = self._issue(old.family)
        return Answer(body={"token_type": "Bearer", "access_token": pair.access, "refresh_token": pair.refresh,
                            "expires_in": int(self.lifetime), "scope": body.get("scope") or " ".join(SCOPES),
                            "account": {"uuid": "fake", "email_address": "fake@example.org"},
                            "organization": {"uuid": "fake", "name": "Fake Organisation"}})

    def _revoke(self, request: Request) -> Answer:
        token = str(request.json().get("token", ""))
        with self._lock:
            self.revoked.append(token)
            pair = self._refresh.get(token) or self._access.get(token)
            if pair:
                self._end_family(pair.family)
        return Answer(body={})

    def _end_family(self, family: int) -> None:
        for table in (self._access, self._refresh):
            for token in [t for t, pair in table.items() if pair.family == family]:
                del table[token]


def credential(pair: Pair, left: float, **more) -> str:
    """The client's file, for a pair that has `left` seconds by what the client knows."""
    login = {"accessToken": pair.access, "refreshToken": pair.refresh, "expiresAt": int((time.time() + left) * 1000),
             "scopes": SCOPES, "subscriptionType": "max", "rateLimitTier": "default_claude_max_5x", **more}
    return json.dumps({"claudeAiOauth": login, "mcpOAuth": {"server": {"accessToken": "fake-mcp-token"}}})


BLANK = json.dumps({"claudeAiOauth": {"accessToken": "", "refreshToken": "", "expiresAt": 0, "scopes": SCOPES}})
