"""OpenAI, and every server that speaks its chat completions: Ollama, vLLM, llama.cpp."""

from typing import Any

from generator.drafting.prompting import Prompt
from generator.drafting.providers.failures import classify
from generator.drafting.providers.hosted import HostedProvider
from generator.drafting.providers.provider import Answer, RawAnswer, Usage
from generator.drafting.providers.wire import count_of, dig, read_object, text_of


class OpenAIProvider(HostedProvider):
    """Chat completions, because it is the one form that all compatible servers have."""

    name = "openai"
    title = "OpenAI"

    def _connect(self, **options: Any) -> Any:
        from openai import AsyncOpenAI

        return AsyncOpenAI(**options)

    async def send(self, prompt: Prompt, max_tokens: int) -> RawAnswer:
        """Send one request, once."""
        import openai

        try:
            raw = await self._client.chat.completions.with_raw_response.create(**self._request(prompt, max_tokens))
        except openai.OpenAIError as error:
            raise classify(error, self._caller, prompt.user) from None
        request_id = raw.headers.get("x-request-id")
        return RawAnswer(raw.content, raw.status_code, {"x-request-id": request_id} if request_id else {})

    def _request(self, prompt: Prompt, max_tokens: int) -> dict[str, Any]:
        from generator.drafting.schema import SCHEMA_NAME, answer_schema, bounded_schema

        schema = answer_schema() if self._server.own else bounded_schema(prompt)
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": schema},
            },
        }
        if self._server.own:
            # Inputs are production data: OpenAI is not to keep them.
            return request | {"max_completion_tokens": max_tokens, "store": False}
        # Ollama knows only the older name, and some servers refuse fields that they do not know.
        return request | {"max_tokens": max_tokens}

    def parse(self, raw: bytes) -> Answer:
        """Read a chat completion."""
        reply = read_object(raw)
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
