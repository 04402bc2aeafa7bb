"""A real HTTP server on 127.0.0.1 that speaks both wire protocols, answers as told, and counts what it would bill.

    with WireServer(modes=["rate_limited", "success"]) as server:
        open_provider("openai/m", server.openai_url)

Each request takes the next mode; the last one stays. `bills` counts accepted requests by a hash of what was
asked, before anything is answered: that is when a provider would charge.
"""

import hashlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

KEY = "sk-test-5up3r53cr3tk3y"


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    number: int
    """Counted from 1."""

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()

    @property
    def is_anthropic(self) -> bool:
        return self.path.endswith("/messages")

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True)
class Reply:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_after: int | None = None
    drop: bool = False
    drip_s: float = 0.0


def drafts_text(request: Request, count: int = 4) -> str:
    """An answer in our shape, another one for every prompt."""
    name = request.digest[:8]
    drafts = [
        {
            "kind": kind,
            "turns": [
                {"role": "user", "content": f"Where is parcel {name} number {number}?", "tool": "", "arguments": ""}
            ],
            "criteria": ["Says where the parcel is"],
            "must_not": [],
            "why": "finds out whether it looks the parcel up",
            "invented": [f"parcel {name}"],
            "sources": ["s1"],
        }
        for number, kind in enumerate(["other_words", "two_needs", "typos", "emoji"][:count])
    ]
    return json.dumps({"drafts": drafts})


def completion(
    text: str | None, finish: str = "stop", refusal: str | None = None, usage: bool = True
) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "logprobs": None,
                "message": {"role": "assistant", "content": text, "refusal": refusal},
            }
        ],
    }
    if usage:
        reply["usage"] = {
            "prompt_tokens": 1000,
            "completion_tokens": 500,
            "total_tokens": 1500,
            "prompt_tokens_details": {"cached_tokens": 400},
        }
    return reply


def message(text: str | None, stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [] if text is None else [{"type": "text", "text": text}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 600, "output_tokens": 500, "cache_read_input_tokens": 400},
        **more,
    }


def said(request: Request, text: str | None, openai_finish: str = "stop", anthropic_stop: str = "end_turn") -> Reply:
    reply = message(text, anthropic_stop) if request.is_anthropic else completion(text, openai_finish)
    return Reply(json.dumps(reply).encode())


def error(status: int, code: str, text: str = "no", **headers: str) -> Callable[[Request], Reply]:
    def make(request: Request) -> Reply:
        inner = {"message": text, "type": code, "param": None, "code": code}
        body = {"type": "error", "error": inner, "request_id": "req_1"} if request.is_anthropic else {"error": inner}
        return Reply(
            json.dumps(body).encode(), status, {key.replace("_", "-"): value for key, value in headers.items()}
        )

    return make


def _refusal(request: Request) -> Reply:
    if request.is_anthropic:
        details = {"type": "refusal", "category": "cyber", "explanation": "x"}
        return Reply(json.dumps(message(None, "refusal", stop_details=details)).encode())
    return Reply(json.dumps(completion(None, refusal="I can't help with that")).encode())


def _echo(request: Request) -> Reply:
    text = f"Incorrect API key provided: {request.headers.get('Authorization')}. You sent: {request.prompt}"
    return error(400, "invalid_request_error", text)(request)


def _success(request: Request) -> Reply:
    return said(request, drafts_text(request))


MODES: Mapping[str, Callable[[Request], Reply]] = {
    "success": _success,
    "refusal": _refusal,
    "truncated": lambda request: said(request, drafts_text(request)[:700], "length", "max_tokens"),
    "filtered": lambda request: said(request, "", "content_filter", "refusal"),
    "prose": lambda request: said(request, "Sure! Here are some ideas for your evaluation set."),
    "prose_around": lambda request: said(request, f"Sure!\n```json\n{drafts_text(request)}\n```\nAnything else?"),
    "no_usage": lambda request: Reply(json.dumps(completion(drafts_text(request), usage=False)).encode()),
    "rate_limited": error(429, "rate_limit_exceeded", retry_after="0.05"),
    "rate_limited_ms": error(429, "rate_limit_exceeded", retry_after_ms="50"),
    "rate_limited_date": lambda request: error(
        429, "rate_limit_exceeded", retry_after=formatdate(time.time() - 5, usegmt=True)
    )(request),
    "rate_limited_negative": error(429, "rate_limit_exceeded", retry_after="-5"),
    "out_of_credit": error(429, "insufficient_quota"),
    "overloaded": error(529, "overloaded_error", retry_after="0.05"),
    "unavailable": error(503, "unavailable", retry_after="0.05"),
    "bad_request": error(400, "invalid_request_error", "response_format is not supported"),
    "unauthorised": error(401, "authentication_error"),
    "payment_required": error(402, "billing_error"),
    "forbidden": error(403, "permission_error"),
    "not_found": error(404, "not_found_error"),
    "too_large": error(413, "request_too_large"),
    "server_error": error(500, "api_error"),
    "bad_gateway": lambda request: Reply(b"<html>502</html>", 502, {"content-type": "text/html"}),
    "redirect": lambda request: Reply(b"", 307, {"location": "/elsewhere"}),
    "html": lambda request: Reply(b"<html>log in to the guest network</html>", 200, {"content-type": "text/html"}),
    "half_json": lambda request: Reply(b'{"id": '),
    "cut_body": lambda request: Reply(_success(request).body, cut_after=40),
    "dropped": lambda request: Reply(drop=True),
    "slow": lambda request: Reply(_success(request).body, delay_s=3.0),
    "drip": lambda request: Reply(_success(request).body, drip_s=0.05),
    "echo": _echo,
}

NOT_BILLED = {400, 401, 402, 403, 404, 413, 422, 429, 503, 529, 307}


class WireServer:
    def __init__(
        self,
        modes: Sequence[str] = ("success",),
        *,
        delay_s: float = 0.0,
        on_request: Callable[[Request], None] = lambda request: None,
    ) -> None:
        self.modes = list(modes)
        self.requests: list[Request] = []
        self.bills: Counter[str] = Counter()
        self.most_at_once = 0
        self._delay_s = delay_s
        self._on_request = on_request
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        return f"{self.address}/v1"

    @property
    def anthropic_url(self) -> str:
        return self.address

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Reply:
        """Decide on a reply, and bill for it if a provider would."""
        with self._lock:
            request = Request(path, headers, body, len(self.requests) + 1)
            self.requests.append(request)
            mode = self.modes.pop(0) if len(self.modes) > 1 else self.modes[0]
            reply = _other_endpoint(request) or MODES[mode](request)
            if reply.status not in NOT_BILLED:
                self.bills[request.digest] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self._on_request(request)
        time.sleep(self._delay_s + reply.delay_s)
        with self._lock:
            self._at_once -= 1
        return reply


def _other_endpoint(request: Request) -> Reply | None:
    if request.path.endswith("/models"):
        models = [{"id": "m", "object": "model", "created": 1, "owned_by": "x"}]
        return Reply(json.dumps({"object": "list", "data": models}).encode())
    if request.path.endswith("/embeddings"):
        texts = request.body["input"] if isinstance(request.body["input"], list) else [request.body["input"]]
        rows = [
            {"object": "embedding", "index": at, "embedding": [len(text) % 7 + 1.0, float(at % 3), 1.0]}
            for at, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        return Reply(json.dumps({"object": "list", "model": "e", "data": rows, "usage": usage}).encode())
    return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: WireServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: in two, delayed acknowledgement costs 40 ms a reply.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:  # the client died while it was sending
            self.close_connection = True
            return
        self._reply(self.server.owner.answer(self.path, dict(self.headers), json.loads(raw or b"{}")))

    def do_GET(self) -> None:
        self._reply(self.server.owner.answer(self.path, dict(self.headers), {}))

    def _reply(self, reply: Reply) -> None:
        if reply.drop:
            self._hang_up()
            return
        self.send_response(reply.status)
        headers = {"content-type": "application/json", "x-request-id": "req_1", "request-id": "req_1", **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        if reply.drip_s:
            self._drip(reply)
            return
        self.wfile.write(reply.body[: reply.cut_after])
        self.wfile.flush()
        if reply.cut_after is not None:
            self._hang_up()

    def _drip(self, reply: Reply) -> None:
        for byte in reply.body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(reply.drip_s)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
