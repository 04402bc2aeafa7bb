"""What every provider does: send a question, and read the bytes that came back. Two steps, never one.

Between the two the raw bytes are committed, so that an answer that was paid for survives whatever reading
does, and is read again, never bought again, when a run goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self
from urllib.parse import urlsplit

from generator.drafting.questions import Question

Outcome = Literal["ok", "refusal", "truncated", "filtered", "bad_json", "bad_response"]
"""What an answer is: usable; the model declined; cut at the token limit; stopped by a filter; not JSON in our
shape; or not a reply of the protocol at all (a proxy's page, say), so that nobody knows what was billed."""

Bill = Literal["retry", "refused", "stop", "in_doubt"]
"""What a failed request means: not billed and worth another try; not billed and final; not billed and no other
call would fare better; or perhaps billed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that were counted for a call."""

    input_tokens: int = 0
    """All of them, those read from or written to a cache included."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A reply as it came over the wire."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """The few that help support: request ids."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, read."""

    outcome: Outcome
    text: str
    usage: Usage | None
    """None where the server did not say."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go."""

    base_url: str
    own: bool
    """Whether it is the provider's own; others get neither its key nor fields that only it knows."""
    local: bool
    """Whether it runs on this machine; no proxy is asked then."""
    key_variable: str
    """The environment variable that holds its key."""

    @property
    def host(self) -> str:
        """Its name in sentences; the address itself may hold a password."""
        parts = urlsplit(self.base_url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    def is_free(self, declared: bool | None) -> bool:
        """Whether calls cost nothing: as declared, else on this machine only; the provider's own never are."""
        return not self.own and (self.local if declared is None else declared)


class CallFailed(Exception):  # noqa: N818 - an outcome that the journal records, not an error of ours
    """A request that brought no answer."""

    def __init__(self, name: str, bill: Bill, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name
        self.bill = bill
        self.detail = detail
        """Safe to show and to store: no keys, no prompt. For "stop", a whole sentence."""
        self.retry_after = retry_after
        """Seconds the server asked us to wait."""


class Provider(Protocol):
    """Who answers questions. Used as an async context manager for the length of a run."""

    @property
    def name(self) -> str:
        """Who: "anthropic", "openai", "offline" ..."""

    @property
    def model(self) -> str:
        """The model, as the provider calls it."""

    @property
    def free(self) -> bool:
        """Whether a call costs nothing."""

    @property
    def timeout_s(self) -> float:
        """Seconds that it is given for an answer."""

    @property
    def priced_as(self) -> str | None:
        """The provider whose published prices hold; None where nobody but the user knows what a call costs."""

    @property
    def listens(self) -> bool:
        """Whether it may do better when it is told what was wrong with an answer; rules would not."""

    @property
    def params(self) -> Mapping[str, str | int | bool]:
        """Whatever else changes the answer; part of a call's key."""

    async def send(self, question: Question) -> RawAnswer:
        """Send one request, once.

        Raises:
            CallFailed: it brought no answer.
        """

    def parse(self, raw: bytes) -> Answer:
        """Read a reply. Never raises, and needs no connection."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def label(provider: Provider) -> str:
    """`provider/model`, as drafts and people name it."""
    return f"{provider.name}/{provider.model}"
