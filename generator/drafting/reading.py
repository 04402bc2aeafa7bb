"""Answers to drafts: each is read once, settled once, and counted; none is lost, whenever it came."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from generator.drafting.budget import Price, usage_json, worst_case
from generator.drafting.journal import Reply
from generator.drafting.prompting import Prompt
from generator.drafting.providers.provider import Answer, Provider, label
from generator.drafting.questions import Question, recalled_prompt, repair_of
from generator.ledger import Call
from generator.store import Store

_PROBLEMS_SHOWN = 50
_NOTHING_WHOLE = "cut off before the first item was whole"
_NO_SHAPE = "it held no JSON object of the shape asked for"
IN_VAIN = 6
"""Paid answers in a row without a draft, repairs included, after which more of them would hardly fare better."""
LONGEST_COMPLAINT = "no item in it could be used, because each needs its turns, one of them a user's, and criteria"
"""What is said of an answer is one of a few sentences of ours, of which this is the longest."""


def is_useless(outcome: str | None) -> bool:
    """Whether an answer with this outcome was paid for and gave nothing, though the model was willing."""
    return outcome is not None and (outcome.startswith("bad_json") or _NOTHING_WHOLE in outcome)


@dataclass(frozen=True, slots=True)
class Taken:
    """What an answer gave."""

    outcome: str
    drafts: int = 0
    wrong: str | None = None
    """Why it gave nothing though the model was willing, in our words; None where asking again would not help."""


@dataclass(slots=True)
class Reader:
    """Reads the answers of one run into the store."""

    store: Store
    provider: Provider
    price: Price
    redact: Callable[[str], str]
    calls: Counter[str] = field(default_factory=Counter)
    """By outcome."""
    new: int = 0
    known: int = 0
    problems: list[str] = field(default_factory=list)
    in_vain: int = 0
    """Answers in a row that were of no use, though the model was willing; those of earlier runs do not count."""

    def take(self, reply: Reply, question: Question) -> Question | None:
        """Read an answer and keep its drafts, or count why there is none.

        Returns the question to ask in its place, if the answer could not be used.
        """
        if reply.raw is None or question.prompt is None:
            self.calls[reply.outcome] += 1
            if reply.outcome not in {"in_doubt", "in_batch", "not_sent"}:
                self._problem(question.about, self.store.calls(key=reply.key)[0].outcome or reply.outcome)
            return None
        answer, taken = self._read(reply.raw, question.prompt, reply.key)
        if answer.outcome == "bad_response" or not reply.is_settled:
            price = self.price.of_batches() if reply.was_in_batch else self.price
            self._settle(reply.key, answer, taken, price, price.cost(worst_case(question)))
        if reply.outcome != "known":
            self.in_vain = 0 if taken.wrong is None else self.in_vain + 1
        self.calls["known" if reply.outcome == "known" and taken.drafts else taken.outcome.partition(":")[0]] += 1
        if not reply.is_settled and ": " in taken.outcome:
            self._problem(question.about, taken.outcome)
        return self.repair(reply.key, question, taken.wrong)

    def repair(self, key: str, question: Question, wrong: str | None) -> Question | None:
        """The question to ask in place of one whose answer could not be used; there is one for each, ever."""
        if wrong is None or question.repairs is not None or not self.provider.listens:
            return None
        return repair_of(question, key, wrong)

    def repair_of_useless(self, call: Call, question: Question) -> Question | None:
        """The question to ask in place of one that was answered before, if that answer could not be used."""
        if call.state != "done" or call.outcome is None or not is_useless(call.outcome):
            return None
        wrong = f"it was {_NOTHING_WHOLE}" if _NOTHING_WHOLE in call.outcome else _NO_SHAPE
        return self.repair(call.key, question, wrong)

    def read_unsettled(self) -> None:
        """Read answers that nobody has read: of a run that died, or of a batch.

        They were paid for. Their prompt may be another one by now; what it takes to read them was kept.
        """
        clusters = {cluster.id for cluster in self.store.clusters()}
        for call in self.store.calls(state="done"):
            if call.outcome is None and call.raw is not None and self._is_mine(call) and call.cluster_id in clusters:
                answer, taken = self._read(call.raw, recalled_prompt(self.store, call), call.key)
                price = self.price.of_batches() if call.batch is not None else self.price
                self._settle(call.key, answer, taken, price, call.reserved_usd)
                self.calls["recovered" if call.batch is None else taken.outcome.partition(":")[0]] += 1
                if ": " in taken.outcome:
                    self._problem(call.cluster_id, taken.outcome)

    def _is_mine(self, call: Call) -> bool:
        return (call.provider, call.model, call.purpose) == (self.provider.name, self.provider.model, "drafting")

    def _read(self, raw: bytes, prompt: Prompt, key: str) -> tuple[Answer, Taken]:
        """The answer, and what it gave; its drafts are in the store then."""
        from generator.drafting.schema import Origin, read_answer

        answer = self.provider.parse(raw)
        if answer.outcome not in {"ok", "truncated"}:
            return answer, Taken(_worded(answer.outcome, answer.detail))
        reading = read_answer(answer.text, Origin(prompt, label(self.provider), key), self.redact)
        added = self.store.add_drafts(reading.drafts, reading.marks)
        self.new += added
        self.known += len(reading.drafts) - added
        problems = "; ".join(reading.problems)
        if reading.drafts:
            return answer, Taken(_worded(answer.outcome, f"{answer.detail}; {problems}"), len(reading.drafts))
        if answer.outcome == "truncated":
            return answer, Taken(
                _worded("truncated", f"{_NOTHING_WHOLE}; {problems}"), wrong=f"it was {_NOTHING_WHOLE}"
            )
        return answer, Taken(_worded("bad_json", problems), wrong=LONGEST_COMPLAINT if reading.is_json else _NO_SHAPE)

    def _settle(self, key: str, answer: Answer, taken: Taken, price: Price, worst_usd: float) -> None:
        if answer.outcome == "bad_response":
            # Nobody knows what was billed for it, so it is not asked for again without leave.
            self.store.call_ended(key, "in_doubt", taken.outcome)
            return
        cost = price.cost(answer.usage) if answer.usage is not None else worst_usd
        self.store.call_settled(key, taken.outcome, usage_json(answer.usage), cost)

    def _problem(self, about: str, text: str) -> None:
        if len(self.problems) < _PROBLEMS_SHOWN:
            self.problems.append(f"{about}: {text}")


def _worded(name: str, detail: str) -> str:
    detail = detail.strip("; ")
    return f"{name}: {detail}"[:500] if detail else name
