"""The batch interfaces of both providers, in memory, with the faults of reliability table C8 and C9 on demand.

Every row is answered as the server would answer the same request by itself. `billed` counts answered rows by their
key, `created` the batches that were made.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Answer = tuple[int, bytes]
"""Status and body."""
Ending = Literal["ended", "failed", "cancelled", "expired", "gone"]
RowFault = Literal["errored", "invalid", "expired", "cancelled", "lost", "twice", "garbage", "stranger", "no_usage"]


@dataclass
class Batch:
    id: str
    entries: list[dict[str, Any]]
    created: float
    metadata: dict[str, str] = field(default_factory=dict)
    rows: tuple[bytes, bytes] | None = None
    """The file of answers and the file of errors, once it has ended."""


class Batches:
    def __init__(self, answer: Callable[[str, dict[str, Any]], tuple[int, bytes]]) -> None:
        """`answer` gives status and body for one request, by its path and body."""
        self.created: list[Batch] = []
        self.finished = True
        """Whether a batch has ended when it is first looked at."""
        self.ending: Ending = "ended"
        self.faults: Mapping[int, RowFault] = {}
        """By the position of a request in its batch."""
        self.reversed = False
        self.exists = True
        self.forgets_metadata = False
        self.control_faults: list[tuple[int, bytes] | None] = []
        """Status and body for the next control requests, in order; None where there is nothing wrong."""
        self.on_step: Callable[[str], None] = lambda step: None
        """Told of every step that a kill could fall between."""
        self.paths: list[str] = []
        self.clock_skew_s = 0.0
        self._answer = answer
        self._files: dict[str, bytes] = {}
        self._bills: set[tuple[str, str]] = set()

    @property
    def billed(self) -> Counter[str]:
        """In how many batches a key was answered."""
        return Counter(key for _, key in self._bills)

    def reply(self, method: str, path: str, raw: bytes) -> Answer | None:
        """Status and body, for the addresses of batches only."""
        path = path.partition("?")[0].removeprefix("/v1").removeprefix("/v1")
        if not re.match(r"/(files|batches|messages/batches)(/|$)", path):
            return None
        self.paths.append(f"{method} {path}")
        if not self.exists:
            return _error(404, "not_found_error")
        fault = self.control_faults.pop(0) if self.control_faults else None
        if fault is not None:
            return fault
        parts = path.strip("/").split("/")
        if parts[0] == "messages":
            return self._anthropic(method, parts[2:], raw)
        return self._file(method, parts[1:], raw) if parts[0] == "files" else self._openai(method, parts[1:], raw)

    # Anthropic ----------------------------------------------------------------------------------

    def _anthropic(self, method: str, parts: list[str], raw: bytes) -> Answer:
        if method == "POST" and not parts:
            self.on_step("before create")
            made = self._make(json.loads(raw)["requests"], {})
            self.on_step("after create")
            return 200, _json(self._message_batch(made))
        if not parts:
            self.on_step("list")
            data = [self._message_batch(each) for each in reversed(self.created)]
            return 200, _json({"data": data, "has_more": False, "first_id": None, "last_id": None})
        batch = self._find(parts[0])
        if batch is None or (self.ending == "gone" and self.finished and len(parts) > 1):
            return _error(404, "not_found_error")
        if len(parts) == 1:
            self.on_step("retrieve")
            return 200, _json(self._message_batch(batch))
        self.on_step("results")
        return 200, b"".join(self._rows(batch, _anthropic_row))

    def _message_batch(self, batch: Batch) -> dict[str, Any]:
        at = datetime.fromtimestamp(batch.created, UTC)
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        counts["succeeded" if self.finished else "processing"] = len(batch.entries)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if self.finished else "in_progress",
            "request_counts": counts,
            "created_at": at.isoformat(),
            "expires_at": (at + timedelta(days=1)).isoformat(),
            "ended_at": at.isoformat() if self.finished else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"/v1/messages/batches/{batch.id}/results" if self.finished else None,
        }

    # OpenAI -------------------------------------------------------------------------------------

    def _file(self, method: str, parts: list[str], raw: bytes) -> Answer:
        if method == "POST":
            self.on_step("before upload")
            name = f"file-{len(self._files) + 1}"
            self._files[name] = _uploaded(raw)
            self.on_step("after upload")
            return 200, _json({"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "x",
                               "purpose": "batch", "status": "processed"})  # fmt: skip
        batch = self._find(parts[0][len("file-out-") :])
        if batch is None or self.ending == "gone":
            return _error(404, "not_found_error")
        self.on_step("results")
        failed = parts[0].startswith("file-err-")
        return 200, b"".join(row for row in self._rows(batch, _openai_row) if failed == (b'"error": null' not in row))

    def _openai(self, method: str, parts: list[str], raw: bytes) -> Answer:
        if method == "POST" and not parts:
            self.on_step("before create")
            body = json.loads(raw)
            entries = [json.loads(line) for line in self._files[body["input_file_id"]].splitlines()]
            made = self._make(entries, body.get("metadata") or {})
            self.on_step("after create")
            return 200, _json(self._batch(made))
        if not parts:
            self.on_step("list")
            return 200, _json({"object": "list", "data": [self._batch(each) for each in reversed(self.created)],
                               "has_more": False})  # fmt: skip
        batch = self._find(parts[0])
        if batch is None:
            return _error(404, "not_found_error")
        self.on_step("retrieve")
        return 200, _json(self._batch(batch))

    def _batch(self, batch: Batch) -> dict[str, Any]:
        status = {"ended": "completed", "gone": "completed"}.get(self.ending, self.ending)
        files: dict[str, str | None] = {"output_file_id": None, "error_file_id": None}
        if self.finished and self.ending != "failed":
            files = {"output_file_id": f"file-out-{batch.id}", "error_file_id": f"file-err-{batch.id}"}
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "input_file_id": "file-1",
            "status": status if self.finished else "in_progress",
            "created_at": int(batch.created),
            "metadata": None if self.forgets_metadata else batch.metadata,
            "errors": {"data": [{"message": "line 1 is no request"}]} if self.ending == "failed" else None,
            "request_counts": {"total": len(batch.entries), "completed": 0, "failed": 0},
            **files,
        }

    # Both ---------------------------------------------------------------------------------------

    def _make(self, entries: list[dict[str, Any]], metadata: dict[str, str]) -> Batch:
        made = Batch(f"batch_{len(self.created) + 1}", entries, time.time() + self.clock_skew_s, metadata)
        self.created.append(made)
        return made

    def _find(self, name: str) -> Batch | None:
        return next((each for each in self.created if each.id == name), None)

    def _rows(self, batch: Batch, row: Callable[[str, RowFault | None, Answer], bytes]) -> list[bytes]:
        rows: list[bytes] = []
        for number, entry in enumerate(batch.entries):
            fault = self.faults.get(number)
            key = entry["custom_id"]
            if fault == "lost":
                continue
            path = "/v1/messages" if "params" in entry else "/v1/chat/completions"
            answer = self._answer(path, entry.get("params") or entry["body"])
            if fault in {None, "twice", "garbage", "no_usage"}:
                self._bills.add((batch.id, key))
            if fault == "no_usage":
                answer = (answer[0], _json({**json.loads(answer[1]), "usage": None}))
            rows += [row("f" * 64 if fault == "stranger" else key, fault, answer)] * (2 if fault == "twice" else 1)
        return rows[::-1] if self.reversed else rows


def _anthropic_row(key: str, fault: RowFault | None, answer: Answer) -> bytes:
    if fault == "garbage":
        return _json({"custom_id": key, "result": {"type": "succeeded"}})[:-2] + b"\n"
    kinds = {"errored": "errored", "invalid": "errored", "expired": "expired", "cancelled": "canceled"}
    if fault in kinds:
        code = "invalid_request_error" if fault == "invalid" else "api_error"
        error = {"type": "error", "error": {"type": code, "message": "no"}}
        more = {"error": error} if kinds[fault] == "errored" else {}
        return _json({"custom_id": key, "result": {"type": kinds[fault], **more}}) + b"\n"
    return _json({"custom_id": key, "result": {"type": "succeeded", "message": json.loads(answer[1])}}) + b"\n"


def _openai_row(key: str, fault: RowFault | None, answer: Answer) -> bytes:
    if fault == "garbage":
        return _json({"custom_id": key, "error": None, "response": {"status_code": 200}})[:-2] + b"\n"
    if fault in {"expired", "cancelled"}:
        error = {"code": f"batch_{fault}", "message": "no"}
        return _json({"id": "r", "custom_id": key, "response": None, "error": error}) + b"\n"
    status, body = answer[0], json.loads(answer[1])
    if fault in {"errored", "invalid"}:
        status, body = 500 if fault == "errored" else 400, {"error": {"message": "no", "code": "x_y"}}
    response = {"status_code": status, "request_id": "q", "body": body}
    return _json({"id": "r", "custom_id": key, "error": None, "response": response}) + b"\n"


def _uploaded(raw: bytes) -> bytes:
    """The file in a form with several parts."""
    boundary = raw[: raw.index(b"\r\n")]
    part = next(each for each in raw.split(boundary) if b"filename=" in each)
    return part.partition(b"\r\n\r\n")[2].rstrip(b"\r\n")


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _error(status: int, code: str) -> Answer:
    return status, _json({"type": "error", "error": {"type": code, "message": "no", "code": code}})
