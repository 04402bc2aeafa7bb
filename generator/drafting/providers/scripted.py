"""A provider that answers from a list: for tests and demonstrations."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from generator.drafting.prompting import Prompt
from generator.drafting.providers.provider import Answer, CallFailed, RawAnswer, Usage
from generator.drafting.questions import Question


class ScriptedProvider:
    """Gives its answers in order, then the last one again; an answer that is a failure is raised."""

    name = "scripted"
    model = "list"
    priced_as = None
    timeout_s = 120.0
    listens = True

    def __init__(
        self,
        answers: Sequence[str | CallFailed | Callable[[Prompt], str]],
        *,
        free: bool = True,
        usage: Usage | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.free = free
        self.questions: list[Question] = []
        """Every question that was asked, in order."""
        self._answers = list(answers)
        self._usage = usage
        self._delay_s = delay_s

    @property
    def prompts(self) -> list[Prompt]:
        """The prompts of the questions for drafts, in order."""
        return [question.prompt for question in self.questions if question.prompt is not None]

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

    async def send(self, question: Question) -> RawAnswer:
        """The next answer."""
        self.questions.append(question)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        await asyncio.sleep(self._delay_s)
        if isinstance(answer, CallFailed):
            raise answer
        if not isinstance(answer, str):
            if question.prompt is None:
                raise CallFailed("unsendable", "stop", "This answer is made from a prompt for drafts.")
            answer = answer(question.prompt)
        return RawAnswer(answer.encode())

    def parse(self, raw: bytes) -> Answer:
        """The answer is the bytes."""
        return Answer("ok", raw.decode("utf-8", "replace"), self._usage)
