"""A real HTTP server on 127.0.0.1 that speaks both wire protocols, answers as told, and counts what it would bill.

    with WireServer(modes=["rate_limited", "success"]) as server:
        open_provider("openai/m", server.openai_url)

Each request takes the next mode; the last one stays. Faults come on top of any mode: by the number of a call, or
every so often by chance. `bills` counts accepted requests by a hash of what was asked, before anything is answered:
that is when a provider would charge.

By hand, for demonstrations: `python -m tests.wire.server --mode rules --port 8000` prints the base URLs.
"""

import argparse
import hashlib
import json
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, Self

from tests.wire import drafter
from tests.wire.batches import Batches

KEY = "sk-test-5up3r53cr3tk3y"

_PIECE = re.compile(r"[^\W\d_]+|\d+|[^\w\s]+|_+|\s+")


def count_tokens(text: str) -> int:
    """About as many tokens as the byte pair encodings of today's models make of a text.

    A word is a token for every 7 letters begun (other scripts: for every 4 bytes), a number for every 3 digits,
    a run of signs for every 2 bytes, a run of spaces with a line break 1. Measured on ten drafting prompts against
    the tokenizer of SmolLM2: 0.7 to 3.6 % too few; a quarter of the characters is 9 to 13 % too few.
    """
    return sum(_tokens_of(match[0]) for match in _PIECE.finditer(text))


def _tokens_of(piece: str) -> int:
    if piece.isspace():
        return int("\n" in piece)
    size, per_token = len(piece.encode("utf-8", "replace")), 2
    if piece.isalpha():
        per_token = 7 if piece.isascii() else 4
    elif piece.isdigit():
        per_token = 3
    return -(-size // per_token)


def text_of(content: Any) -> str:
    """What a message says: a string, or parts with a text each."""
    return content if isinstance(content, str) else "\n".join(str(part.get("text", "")) for part in content)


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
        return text_of(self.body["messages"][-1]["content"])

    @property
    def tokens(self) -> int:
        """Of everything that was sent for the model to read, the schema of its answer included."""
        said = [text_of(message["content"]) for message in self.body.get("messages", [])]
        schema = self.body.get("response_format") or self.body.get("output_config") or ""
        return count_tokens("\n".join([text_of(self.body.get("system", "")), *said, json.dumps(schema)]))


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


def _by_rules(request: Request, gullible: bool = False) -> Reply:
    """What the stand-in for a model drafts, with its tokens counted."""
    text = drafter.answer(request.prompt, request.digest, gullible)
    into, out = request.tokens, count_tokens(text)
    if request.is_anthropic:
        reply = message(text, usage={"input_tokens": into, "output_tokens": out})
    else:
        usage = {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}
        reply = completion(text) | {"usage": usage}
    return Reply(json.dumps(reply).encode())


MODES: Mapping[str, Callable[[Request], Reply]] = {
    "success": _success,
    "rules": _by_rules,
    "gullible": lambda request: _by_rules(request, gullible=True),
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

LIKELY_FAULTS = ("rate_limited", "unavailable", "server_error", "cut_body", "dropped", "html")
"""What comes by chance where nothing else is said: two that are not billed and four after which nobody knows."""

NOT_BILLED = {400, 401, 402, 403, 404, 413, 422, 429, 503, 529, 307}


class WireServer:
    def __init__(
        self,
        modes: Sequence[str] = ("success",),
        *,
        faults: Mapping[int, str] = MappingProxyType({}),
        fault_rate: float = 0.0,
        fault_modes: Sequence[str] = LIKELY_FAULTS,
        random_state: int = 0,
        delay_s: float = 0.0,
        on_request: Callable[[Request], None] = lambda request: None,
        port: int = 0,
    ) -> None:
        """Listen on 127.0.0.1.

        Args:
            modes: how requests are answered, one after the other; the last one stays.
            faults: other modes for single calls, by their number, counted from 1.
            fault_rate: the share of the other calls that get one of `fault_modes`, drawn by `random_state`.
            fault_modes: what comes by chance.
            random_state: the same gives the same calls the same faults.
            delay_s: how long every answer takes.
            on_request: told of every request before it is answered.
            port: where to listen; 0 for any that is free.
        """
        self.modes = list(modes)
        self.requests: list[Request] = []
        self.bills: Counter[str] = Counter()
        self.billed_tokens: Counter[str] = Counter()
        """Of all answers that were billed: "input" and "output"."""
        self._faults = dict(faults)
        self._fault_rate = fault_rate
        self._fault_modes = list(fault_modes)
        self._random_state = random_state
        self.most_at_once = 0
        self._delay_s = delay_s
        self._on_request = on_request
        self._at_once = 0
        self._lock = threading.Lock()
        self.batches = Batches(self._answer_in_batch)
        self._server = _Server(self, port)
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
            mode = self._fault_of(request.number) or (self.modes.pop(0) if len(self.modes) > 1 else self.modes[0])
            reply = _other_endpoint(request) or MODES[mode](request)
            if reply.status not in NOT_BILLED:
                self.bills[request.digest] += 1
                self.billed_tokens.update(_usage_of(reply))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self._on_request(request)
        time.sleep(self._delay_s + reply.delay_s)
        with self._lock:
            self._at_once -= 1
        return reply

    def _answer_in_batch(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """What the same request would be answered by itself."""
        reply = MODES[self.modes[0]](Request(path, {}, body, 0))
        return reply.status, reply.body

    def _fault_of(self, number: int) -> str | None:
        if number in self._faults:
            return self._faults[number]
        rng = random.Random(f"{self._random_state} {number}")
        return rng.choice(self._fault_modes) if rng.random() < self._fault_rate else None


def _usage_of(reply: Reply) -> dict[str, int]:
    """The tokens that a reply says it took; none where it says nothing."""
    try:
        usage = json.loads(reply.body).get("usage") or {}
    except (ValueError, AttributeError):
        return {}
    into = usage.get("prompt_tokens", usage.get("input_tokens", 0))
    return {"input": into, "output": usage.get("completion_tokens", usage.get("output_tokens", 0))}


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

    def __init__(self, owner: WireServer, port: int) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", port), _Handler)

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
        if not self._is_about_batches(raw):
            self._reply(self.server.owner.answer(self.path, dict(self.headers), json.loads(raw or b"{}")))

    def do_GET(self) -> None:
        if not self._is_about_batches(b""):
            self._reply(self.server.owner.answer(self.path, dict(self.headers), {}))

    def _is_about_batches(self, raw: bytes) -> bool:
        answer = self.server.owner.batches.reply(self.command, self.path, raw)
        if answer is not None:
            self._reply(Reply(answer[1], answer[0], drop=answer[0] == 0))
        return answer is not None

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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.wire.server", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--mode", choices=sorted(MODES), default="rules")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, metavar="S", help="how long every answer takes")
    parser.add_argument("--fault-rate", type=float, default=0.0, metavar="P", help="share of calls that get a fault")
    parser.add_argument("--fault", action="append", choices=sorted(MODES), help="which; may be repeated")
    parser.add_argument("--random-state", type=int, default=0)
    given = parser.parse_args()
    server = WireServer(
        [given.mode],
        fault_rate=given.fault_rate,
        fault_modes=given.fault or LIKELY_FAULTS,
        random_state=given.random_state,
        delay_s=given.delay,
        port=given.port,
    )
    with server:
        print(f"OpenAI's protocol:    --base-url {server.openai_url}")
        print(f"Anthropic's protocol: --base-url {server.anthropic_url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            tokens = server.billed_tokens
            print(
                f"\n{len(server.requests)} requests, {server.bills.total()} billed: "
                f"{tokens['input']:,} tokens read, {tokens['output']:,} written"
            )


if __name__ == "__main__":
    main()
