"""A provider that answers from a list: for tests and demonstrations."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from generator.drafting.prompting import Prompt
from generator.drafting.providers.provider import Answer, CallFailed, RawAnswer, Usage


class ScriptedProvider:
    """Gives its answers in order, then the last one again; an answer that is a failure is raised."""

    name = "scripted"
    model = "list"
    priced_as = None

    def __init__(
        self,
        answers: Sequence[str | CallFailed | Callable[[Prompt], str]],
        *,
        free: bool = True,
        usage: Usage | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.free = free
        self.prompts: list[Prompt] = []
        """Every prompt that was sent, in order."""
        self._answers = list(answers)
        self._usage = usage
        self._delay_s = delay_s

    @property
    def params(self) -> Mapping[str, str | int | bool]:
        """None."""
        return {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def send(self, prompt: Prompt, max_tokens: int) -> RawAnswer:
        """The next answer."""
        self.prompts.append(prompt)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        await asyncio.sleep(self._delay_s)
        if isinstance(answer, CallFailed):
            raise answer
        return RawAnswer((answer if isinstance(answer, str) else answer(prompt)).encode())

    def parse(self, raw: bytes) -> Answer:
        """The answer is the bytes."""
        return Answer("ok", raw.decode("utf-8", "replace"), self._usage)
