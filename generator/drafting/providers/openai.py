"""OpenAI, and every server that speaks its chat completions: Ollama, vLLM, llama.cpp."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from generator.drafting.providers.batches import (
    BatchLimits,
    BatchProgress,
    RemoteBatch,
    Row,
    lines,
    moment,
    remote_id,
    row_parts,
)
from generator.drafting.providers.failures import classify
from generator.drafting.providers.hosted import HostedProvider
from generator.drafting.providers.provider import Answer, CallFailed, RawAnswer, Usage
from generator.drafting.providers.wire import count_of, dig, read_object, text_of
from generator.drafting.questions import Question
from generator.printable import one_line

_ENDPOINT = "/v1/chat/completions"
_NONCE = "groundset"
"""Under this name our nonce is kept with a batch."""
_KEPT_S = 3 * 24 * 3600
"""OpenAI deletes what a batch sent after this long; a batch takes a day at most."""
_PAGE, _PAGES = 100, 10
_STATES: Mapping[object, BatchProgress] = {
    "validating": "under_way",
    "in_progress": "under_way",
    "finalizing": "under_way",
    "cancelling": "under_way",
    "completed": "ended",
    "expired": "ended",
    "cancelled": "cancelled",
    "failed": "refused",
}


class OpenAIProvider(HostedProvider):
    """Chat completions, because it is the one form that all compatible servers have."""

    name = "openai"
    title = "OpenAI"
    limits = BatchLimits(requests=50_000, bytes=200_000_000)

    def _connect(self, **options: Any) -> Any:
        from openai import AsyncOpenAI

        return AsyncOpenAI(**options)

    async def send(self, question: Question) -> RawAnswer:
        """Send one request, once."""
        import openai

        try:
            raw = await self._client.chat.completions.with_raw_response.create(**self._request(question))
        except openai.OpenAIError as error:
            raise classify(error, self._caller, question.user) from None
        request_id = raw.headers.get("x-request-id")
        return RawAnswer(raw.content, raw.status_code, {"x-request-id": request_id} if request_id else {})

    def _request(self, question: Question) -> dict[str, Any]:
        system = [{"role": "system", "content": question.system}] if question.system else []
        request: dict[str, Any] = {"model": self.model, "messages": [*system, *question.turns]}
        schema = question.schema if self._server.own else question.bounded
        if schema is not None:
            shape = {"name": question.schema_name, "strict": True, "schema": schema()}
            request["response_format"] = {"type": "json_schema", "json_schema": shape}
        if self._server.own:
            # Inputs are production data: OpenAI is not to keep them.
            return request | {"max_completion_tokens": question.max_tokens, "store": False}
        # Ollama knows only the older name, and some servers refuse fields that they do not know.
        return request | {"max_tokens": question.max_tokens}

    def parse(self, raw: bytes) -> Answer:
        """Read a chat completion, or the row of a batch around it."""
        reply = read_object(raw)
        if reply is not None and "custom_id" in reply:
            reply = dig(reply, "response", "body")
        message = dig(reply, "choices", 0, "message")
        if not isinstance(message, dict):
            return Answer("bad_response", "", None, "the reply is not a chat completion")
        usage = _usage(dig(reply, "usage"))
        text = text_of(message.get("content"))
        refusal = text_of(message.get("refusal"))
        if refusal:
            return Answer("refusal", refusal, usage)
        match dig(reply, "choices", 0, "finish_reason"):
            case "length":
                return Answer("truncated", text, usage, "cut at the token limit")
            case "content_filter":
                return Answer("filtered", text, usage)
            case _:
                return Answer("ok", text, usage)

    # Batches ------------------------------------------------------------------------------------

    @property
    def keeps_nonces(self) -> bool:
        """OpenAI itself keeps what is sent as metadata; of other servers nobody knows."""
        return self._server.own

    def batch_entry(self, key: str, question: Question) -> Mapping[str, Any]:
        """The request under its key."""
        return {"custom_id": key, "method": "POST", "url": _ENDPOINT, "body": self._request(question)}

    async def submit(self, entries: Sequence[Mapping[str, Any]], nonce: str) -> str:
        """Upload the requests, and hand them over as a batch that carries the nonce."""
        import openai

        content = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
        own = {"expires_after": {"anchor": "created_at", "seconds": _KEPT_S}} if self._server.own else {}
        try:
            raw = await self._client.files.with_raw_response.create(
                file=(f"groundset-{nonce}.jsonl", content), purpose="batch", **own
            )
            file = remote_id(read_object(raw.content))
            if file is None:
                raise CallFailed("bad_response", "retry", "the reply to an upload is none")
            raw = await self._client.batches.with_raw_response.create(
                input_file_id=file, endpoint=_ENDPOINT, completion_window="24h", metadata={_NONCE: nonce}
            )
        except openai.OpenAIError as error:
            raise self._failure(error, entries) from None
        made = remote_id(read_object(raw.content))
        if made is None:
            raise CallFailed("bad_response", "in_doubt", "the reply to a batch is none")
        return made

    async def look(self, remote: str) -> RemoteBatch:
        """How far a batch is."""
        import openai

        try:
            raw = await self._client.batches.with_raw_response.retrieve(remote)
        except openai.NotFoundError:
            return RemoteBatch(remote, "gone", None, 0, 0)
        except openai.OpenAIError as error:
            raise self._failure(error) from None
        return _remote_batch(read_object(raw.content), remote)

    async def recent(self, since: datetime) -> list[RemoteBatch]:
        """Batches made since then, newest first."""
        import openai

        found: list[RemoteBatch] = []
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            try:
                raw = await self._client.batches.with_raw_response.list(limit=_PAGE, **after)
            except openai.OpenAIError as error:
                raise self._failure(error) from None
            page = read_object(raw.content)
            rows = dig(page, "data")
            batches = [_remote_batch(each) for each in (rows if isinstance(rows, list) else []) if remote_id(each)]
            found += [each for each in batches if each.created_at is not None and each.created_at >= since]
            if dig(page, "has_more") is not True or not batches or found[-1:] != batches[-1:]:
                break
            after = {"after": batches[-1].id}
        return found

    async def rows(self, batch: RemoteBatch) -> AsyncIterator[Row]:
        """The results of a batch that has ended: its file of answers, then its file of errors."""
        import httpx2
        import openai

        try:
            for file in batch.files:
                async with self._client.files.with_streaming_response.content(file) as reply:
                    async for line in lines(reply.iter_bytes()):
                        yield _row(line)
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise self._failure(error) from None


def _remote_batch(reply: object, asked: str = "") -> RemoteBatch:
    state = _STATES.get(dig(reply, "status"))
    if state is None:
        raise CallFailed("bad_response", "retry", "the reply about a batch is none")
    nonce = dig(reply, "metadata", _NONCE)
    said = dig(reply, "errors", "data", 0, "message")
    files = (remote_id(dig(reply, each)) for each in ("output_file_id", "error_file_id"))
    return RemoteBatch(
        id=remote_id(reply) or asked,
        state=state,
        created_at=moment(dig(reply, "created_at")),
        requests=count_of(dig(reply, "request_counts", "total")),
        done=count_of(dig(reply, "request_counts", "completed")) + count_of(dig(reply, "request_counts", "failed")),
        nonce=nonce if isinstance(nonce, str) else None,
        detail=one_line(said, 160) if isinstance(said, str) else "",
        files=tuple(each for each in files if each is not None),
    )


def _row(line: bytes) -> Row:
    key, row = row_parts(line)
    status = dig(row, "response", "status_code")
    if not row or (status == 200 and dig(row, "error") is None):
        return Row(key, line, "answered")
    code = dig(row, "error", "code") or dig(row, "response", "body", "error", "code")
    said = " ".join(str(each) for each in (status, one_line(code, 80) if isinstance(code, str) else None) if each)
    if code == "batch_expired":
        return Row(key, line, "expired", said)
    if code == "batch_cancelled":
        return Row(key, line, "cancelled", said)
    return Row(key, line, "refused" if status in {400, 413, 422} else "errored", said)


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    details = value.get("prompt_tokens_details")
    return Usage(
        input_tokens=count_of(value.get("prompt_tokens")),
        output_tokens=count_of(value.get("completion_tokens")),
        cache_read_tokens=count_of(dig(details, "cached_tokens")),
        cache_write_tokens=count_of(dig(details, "cache_write_tokens")),
    )
