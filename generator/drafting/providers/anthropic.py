"""Anthropic's messages."""

from typing import Any

from generator.drafting.prompting import Prompt
from generator.drafting.providers.failures import classify
from generator.drafting.providers.hosted import HostedProvider
from generator.drafting.providers.provider import Answer, RawAnswer, Usage
from generator.drafting.providers.wire import count_of, dig, read_object


class AnthropicProvider(HostedProvider):
    """Messages with structured output; the API takes no temperature, so variety comes from the prompt."""

    name = "anthropic"
    title = "Anthropic"

    def _connect(self, **options: Any) -> Any:
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(**options)

    async def send(self, prompt: Prompt, max_tokens: int) -> RawAnswer:
        """Send one request, once."""
        import anthropic

        try:
            raw = await self._client.messages.with_raw_response.create(**self._request(prompt, max_tokens))
            body = await raw.read()
        except anthropic.AnthropicError as error:
            raise classify(error, self._caller, prompt.user) from None
        request_id = raw.headers.get("request-id")
        return RawAnswer(body, raw.status_code, {"request-id": request_id} if request_id else {})

    def _request(self, prompt: Prompt, max_tokens: int) -> dict[str, Any]:
        from generator.drafting.schema import answer_schema

        return {
            "model": self.model,
            "max_tokens": max_tokens,
            "system": [{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": prompt.user}],
            "output_config": {"format": {"type": "json_schema", "schema": answer_schema()}},
        }

    def parse(self, raw: bytes) -> Answer:
        """Read a message."""
        reply = read_object(raw)
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
