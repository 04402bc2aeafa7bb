"""OpenAI, and every server that speaks its chat completions: Ollama, vLLM, llama.cpp."""

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from generator.drafting.prompting import Prompt
from generator.drafting.providers.failures import Caller, classify
from generator.drafting.providers.provider import Answer, RawAnswer, Server, Usage
from generator.drafting.providers.wire import count_of, dig, read_object, text_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class OpenAIProvider:
    """Chat completions, because it is the one form that all compatible servers have."""

    name = "openai"

    def __init__(
        self, model: str, server: Server, *, api_key: str, free: bool = False, timeout_s: float = 120.0
    ) -> None:
        self.model = model
        self.free = free
        self._server = server
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._caller = Caller("OpenAI" if server.own else server.host, model, server.key_variable, (api_key,))
        self._client: AsyncOpenAI | None = None

    @property
    def priced_as(self) -> str | None:
        """Published prices hold for the provider itself only."""
        return self.name if self._server.own else None

    @property
    def params(self) -> Mapping[str, str | int | bool]:
        """The server; one model name may mean another model elsewhere."""
        return {"base_url": self._server.base_url}

    async def __aenter__(self) -> Self:
        import httpx2
        from openai import AsyncOpenAI

        timeout = httpx2.Timeout(self._timeout_s, connect=10.0)
        self._client = AsyncOpenAI(
            api_key=self._api_key,
            base_url=self._server.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=httpx2.AsyncClient(timeout=timeout, trust_env=not self._server.local),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def send(self, prompt: Prompt, max_tokens: int) -> RawAnswer:
        """Send one request, once."""
        import openai

        if self._client is None:
            raise RuntimeError("a provider is used inside `async with`")
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
