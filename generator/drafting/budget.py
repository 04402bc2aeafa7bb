"""What calls cost, what they may cost, and the cap.

Prices come from `genai-prices`, which carries them as data. Before a call its worst case is reserved, and a
call that would take what is spent and reserved past the cap is not made.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from generator.drafting.prompting import Prompt
from generator.drafting.providers.provider import Provider, Usage, label
from generator.errors import BudgetError
from generator.store import Store

_TOKENS_BESIDE = 1_500
"""For what providers add to a prompt: the schema, their own frame around it."""
_TOKENS_PER_DRAFT, _TOKENS_PER_ANSWER = 900, 1_000
_USUAL_TOKENS_PER_DRAFT = 260
_CHARS_PER_TOKEN = 4


def max_tokens(drafts: int) -> int:
    """The most an answer with this many drafts may take, thinking included."""
    return _TOKENS_PER_ANSWER + drafts * _TOKENS_PER_DRAFT


def worst_case(prompt: Prompt) -> Usage:
    """More tokens than this cannot be billed: every byte of the prompt one token, the answer at its limit."""
    sent = len((prompt.system + prompt.user).encode("utf-8", "replace")) + _TOKENS_BESIDE
    return Usage(sent, max_tokens(len(prompt.brief.plan)), cache_write_tokens=sent)


def usual_case(prompt: Prompt) -> Usage:
    """What such a call usually takes."""
    sent = len(prompt.system + prompt.user) // _CHARS_PER_TOKEN + _TOKENS_BESIDE // 3
    return Usage(sent, _USUAL_TOKENS_PER_DRAFT * len(prompt.brief.plan))


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider's tokens cost."""

    source: Literal["free", "given", "published"]
    provider: str = ""
    model: str = ""
    usd_per_mtok: tuple[float, float] = (0.0, 0.0)
    """(input, output), where given."""

    @property
    def is_free(self) -> bool:
        """Whether nothing is ever billed."""
        return self.source == "free"

    def cost(self, usage: Usage) -> float:
        """US dollars."""
        match self.source:
            case "free":
                return 0.0
            case "given":
                into, out = self.usd_per_mtok
                return (usage.input_tokens * into + usage.output_tokens * out) / 1e6
            case "published":
                return _published(usage, self.provider, self.model)


def price_of(provider: Provider, given: tuple[float, float] | None = None) -> Price:
    """The price of a provider: as given (US dollars per million tokens in and out), free, or as published.

    Raises:
        BudgetError: nobody knows it.
    """
    if given is not None:
        if not all(0 <= each < 1e6 for each in given):
            raise BudgetError(f"A price of {given[0]} and {given[1]} US dollars per million tokens cannot be meant.")
        return Price("given", usd_per_mtok=given)
    if provider.free:
        return Price("free")
    if provider.priced_as is None or not _is_published(provider.priced_as, provider.model):
        raise BudgetError(
            f"The price of {label(provider)} is not known; give it in US dollars per million tokens, "
            "input and output: --price IN OUT"
        )
    return Price("published", provider.priced_as, provider.model)


def _is_published(provider: str, model: str) -> bool:
    try:
        _published(Usage(1, 1), provider, model)
    except LookupError:
        return False
    return True


def _published(usage: Usage, provider: str, model: str) -> float:
    import genai_prices

    read = min(usage.cache_read_tokens, usage.input_tokens)
    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=read,
        cache_write_tokens=min(usage.cache_write_tokens, usage.input_tokens - read),
    )
    return float(genai_prices.calc_price(counted, model, provider_id=provider).total_price)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What drafting would cost."""

    model: str
    calls: int
    known: int
    """Calls that were answered in an earlier run: they cost nothing again."""
    in_doubt: int
    """Calls that may have been billed without an answer; repeated only on request, and not counted here."""
    input_tokens: int
    output_tokens: int
    low_usd: float
    """What such calls usually cost."""
    high_usd: float
    """What they can cost at most."""
    price: str
    """Where it comes from: "free", "given" or "published"."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


class Budget:
    """The cap on what a project spends, earlier runs and calls in doubt included."""

    def __init__(self, store: Store, price: Price, cap_usd: float | None) -> None:
        if cap_usd is not None and not cap_usd >= 0:
            raise BudgetError(f"A cost cap of {cap_usd} cannot be meant; give US dollars, 0 or more.")
        if cap_usd == 0 and not price.is_free:
            raise BudgetError("A cost cap of 0 allows only what is free; draft without a model: --model offline")
        self.price = price
        self._store = store
        self._cap_usd = cap_usd

    def refusal(self, reserve_usd: float) -> str | None:
        """Why a call that may cost this much is not made, or None if it may be."""
        if self._cap_usd is None or self.price.is_free:
            return None
        spent, reserved = self._store.spending()
        if spent + reserved + reserve_usd <= self._cap_usd:
            return None
        held = f" and ${reserved:.4f} held for calls under way or in doubt" if reserved else ""
        return (
            f"The next call may cost ${reserve_usd:.4f}, which would pass the cap of ${self._cap_usd:g}: "
            f"${spent:.4f} is spent in this project{held}. Raise it with --max-cost."
        )


def usage_json(usage: Usage | None) -> Mapping[str, int]:
    """Usage as the journal keeps it."""
    return {} if usage is None else asdict(usage)
