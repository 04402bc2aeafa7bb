"""Anthropic's messages."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from generator.drafting.providers.batches import (
    BatchLimits,
    BatchProgress,
    RemoteBatch,
    Row,
    RowKind,
    lines,
    moment,
    remote_id,
    row_parts,
)
from generator.drafting.providers.failures import classify
from generator.drafting.providers.hosted import HostedProvider
from generator.drafting.providers.provider import Answer, CallFailed, RawAnswer, Usage
from generator.drafting.providers.wire import count_of, dig, read_object
from generator.drafting.questions import Question
from generator.printable import one_line

_PAGE, _PAGES = 100, 10
_STATES: Mapping[object, BatchProgress] = {"in_progress": "under_way", "canceling": "under_way", "ended": "ended"}
_ROW_KINDS: Mapping[str, RowKind] = {"canceled": "cancelled", "expired": "expired"}


class AnthropicProvider(HostedProvider):
    """Messages with structured output; the API takes no temperature, so variety comes from the prompt."""

    name = "anthropic"
    title = "Anthropic"
    keeps_nonces = False
    limits = BatchLimits(requests=100_000, bytes=256_000_000)

    def _connect(self, **options: Any) -> Any:
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(**options)

    async def send(self, question: Question) -> RawAnswer:
        """Send one request, once."""
        import anthropic

        try:
            raw = await self._client.messages.with_raw_response.create(**self._request(question))
            body = await raw.read()
        except anthropic.AnthropicError as error:
            raise classify(error, self._caller, question.user) from None
        request_id = raw.headers.get("request-id")
        return RawAnswer(body, raw.status_code, {"request-id": request_id} if request_id else {})

    def _request(self, question: Question) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self.model, "max_tokens": question.max_tokens, "messages": question.turns}
        if question.system:
            request["system"] = [{"type": "text", "text": question.system, "cache_control": {"type": "ephemeral"}}]
        if question.schema is not None:
            request["output_config"] = {"format": {"type": "json_schema", "schema": question.schema()}}
        return request

    def parse(self, raw: bytes) -> Answer:
        """Read a message, or the row of a batch around it."""
        reply = read_object(raw)
        if reply is not None and "custom_id" in reply:
            reply = dig(reply, "result", "message")
        blocks = dig(reply, "content")
        if not isinstance(blocks, list):
            return Answer("bad_response", "", None, "the reply is not a message")
        usage = _usage(dig(reply, "usage"))
        texts = (dig(block, "text") for block in blocks if dig(block, "type") == "text")
        text = "".join(each for each in texts if isinstance(each, str))
        match dig(reply, "stop_reason"):
            case "refusal":
                category = dig(reply, "stop_details", "category")
                return Answer("refusal", text, usage, category if isinstance(category, str) else "")
            case "max_tokens" | "model_context_window_exceeded":
                return Answer("truncated", text, usage, "cut at the token limit")
            case _:
                return Answer("ok", text, usage)

    # Batches ------------------------------------------------------------------------------------

    def batch_entry(self, key: str, question: Question) -> Mapping[str, Any]:
        """The request under its key."""
        return {"custom_id": key, "params": self._request(question)}

    async def submit(self, entries: Sequence[Mapping[str, Any]], nonce: str) -> str:
        """Hand over a batch. It keeps nothing of ours but the keys: the nonce cannot be sent."""
        import anthropic

        try:
            raw = await self._client.messages.batches.with_raw_response.create(requests=list(entries))
            made = remote_id(read_object(await raw.read()))
        except anthropic.AnthropicError as error:
            raise self._failure(error, entries) from None
        if made is None:
            raise CallFailed("bad_response", "in_doubt", "the reply to a batch is none")
        return made

    async def look(self, remote: str) -> RemoteBatch:
        """How far a batch is."""
        import anthropic

        try:
            raw = await self._client.messages.batches.with_raw_response.retrieve(remote)
            return _remote_batch(read_object(await raw.read()), remote)
        except anthropic.NotFoundError:
            return RemoteBatch(remote, "gone", None, 0, 0)
        except anthropic.AnthropicError as error:
            raise self._failure(error) from None

    async def recent(self, since: datetime) -> list[RemoteBatch]:
        """Batches made since then, newest first."""
        import anthropic

        found: list[RemoteBatch] = []
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            try:
                raw = await self._client.messages.batches.with_raw_response.list(limit=_PAGE, **after)
                page = read_object(await raw.read())
            except anthropic.AnthropicError as error:
                raise self._failure(error) from None
            rows = dig(page, "data")
            batches = [_remote_batch(each) for each in (rows if isinstance(rows, list) else []) if remote_id(each)]
            found += [each for each in batches if each.created_at is not None and each.created_at >= since]
            if dig(page, "has_more") is not True or len(batches) == 0 or found[-1:] != batches[-1:]:
                break
            after = {"after_id": batches[-1].id}
        return found

    async def rows(self, batch: RemoteBatch) -> AsyncIterator[Row]:
        """The results of a batch that has ended."""
        import anthropic
        import httpx2

        try:
            # Not `batches.results`: it parses every row, and gives up at the first that is not as it should be.
            reply = await self._client.get(f"/v1/messages/batches/{batch.id}/results", cast_to=httpx2.Response)
            async for line in lines(reply.aiter_bytes()):
                yield _row(line)
        except (anthropic.AnthropicError, httpx2.HTTPError) as error:
            raise self._failure(error) from None


def _remote_batch(reply: object, asked: str = "") -> RemoteBatch:
    name = remote_id(reply) or asked
    counts = {each: count_of(dig(reply, "request_counts", each)) for each in _COUNTED}
    state = _STATES.get(dig(reply, "processing_status"))
    if state is None:
        raise CallFailed("bad_response", "retry", "the reply about a batch is none")
    return RemoteBatch(
        id=name,
        state="gone" if isinstance(dig(reply, "archived_at"), str) else state,
        created_at=moment(dig(reply, "created_at")),
        requests=sum(counts.values()),
        done=sum(counts.values()) - counts["processing"],
    )


_COUNTED = ("processing", "succeeded", "errored", "canceled", "expired")


def _row(line: bytes) -> Row:
    key, row = row_parts(line)
    kind = dig(row, "result", "type")
    if not row or kind == "succeeded":
        return Row(key, line, "answered")
    code = dig(row, "result", "error", "error", "type") or dig(row, "result", "error", "type")
    said = one_line(code, 80) if isinstance(code, str) else ""
    if kind == "errored" and said == "invalid_request_error":
        return Row(key, line, "refused", said)
    return Row(key, line, _ROW_KINDS.get(str(kind), "errored"), said)


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    read = count_of(value.get("cache_read_input_tokens"))
    written = count_of(value.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=count_of(value.get("input_tokens")) + read + written,
        output_tokens=count_of(value.get("output_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
