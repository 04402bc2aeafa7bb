"""What can happen to a paid call, one row each, and what has to come of it; for the tests and for the figures."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from generator.drafting import drafting, journal, pacing
from generator.drafting.providers import open_provider
from generator.drafting.providers.provider import Provider
from generator.ledger import Call
from generator.store import Store
from tests.drafting.projects import GROUPS, make_project
from tests.wire.server import KEY, WireServer

MAKERS = ("openai", "anthropic")
PRICE = (1.0, 2.0)


@dataclass(frozen=True)
class Fault:
    """One way in which a call can end."""

    mode: str
    """What the server does; see `tests.wire.server.MODES`."""
    calls: Mapping[str, int]
    """What the report has to say: calls by outcome."""
    requests: int
    """How many have to reach the server."""
    state: str
    """Of every call, in the journal."""
    drafts: int = 0
    makers: tuple[str, ...] = MAKERS
    timeout_s: float = 20.0

    def __str__(self) -> str:
        return self.mode if self.makers == MAKERS else f"{self.mode}-{self.makers[0]}"


FAULTS = (
    Fault("success", {"ok": 1}, 1, "done", 4),
    # Told to wait: the server did no work.
    Fault("rate_limited", {"rate_limited": 1}, 4, "planned"),
    Fault("rate_limited_ms", {"rate_limited": 1}, 4, "planned"),
    Fault("rate_limited_date", {"rate_limited": 1}, 4, "planned"),
    Fault("rate_limited_negative", {"rate_limited": 1}, 4, "planned"),
    Fault("overloaded", {"overloaded": 1}, 4, "planned"),
    Fault("unavailable", {"unavailable": 1}, 4, "planned"),
    # Nobody knows whether it was billed.
    Fault("server_error", {"server_error": 1}, 1, "in_doubt"),
    Fault("bad_gateway", {"server_error": 1}, 1, "in_doubt"),
    Fault("html", {"bad_response": 1}, 1, "in_doubt"),
    Fault("half_json", {"bad_response": 1}, 1, "in_doubt"),
    Fault("cut_body", {"cut_off": 1}, 1, "in_doubt"),
    Fault("dropped", {"cut_off": 1}, 1, "in_doubt"),
    Fault("slow", {"timeout": 1}, 1, "in_doubt", timeout_s=0.4),
    Fault("drip", {"timeout": 1}, 1, "in_doubt", timeout_s=0.4),
    # An answer, but not the one that was asked for.
    Fault("prose_around", {"ok": 1}, 1, "done", 4),
    Fault("truncated", {"truncated": 1}, 1, "done", 2),
    Fault("refusal", {"refusal": 1}, 1, "done"),
    Fault("filtered", {"filtered": 1}, 1, "done", makers=("openai",)),
    Fault("filtered", {"refusal": 1}, 1, "done", makers=("anthropic",)),
    Fault("prose", {"bad_json": 2}, 2, "done"),
    Fault("no_usage", {"ok": 1}, 1, "done", 4, makers=("openai",)),
    # What no other call would survive either: the run stops.
    Fault("out_of_credit", {"out_of_credit": 1}, 1, "planned"),
    Fault("payment_required", {"out_of_credit": 1}, 1, "planned"),
    Fault("unauthorised", {"unauthorised": 1}, 1, "planned"),
    Fault("forbidden", {"forbidden": 1}, 1, "planned"),
    Fault("not_found", {"not_found": 1}, 1, "planned"),
    Fault("redirect", {"redirected": 1}, 1, "planned"),
    # Refused, not billed.
    Fault("bad_request", {"bad_request": 1}, 1, "failed"),
    Fault("too_large", {"too_large": 1}, 1, "failed"),
    Fault("echo", {"bad_request": 1}, 1, "failed"),
)


@dataclass(frozen=True)
class Seen:
    """What came of it."""

    report: drafting.DraftingReport
    calls: list[Call] = field(default_factory=list)
    requests: int = 0
    """As the server counted them."""
    billed: int = 0

    def is_as_planned(self, fault: Fault) -> bool:
        """Whether outcome, requests, states and drafts are those of the table, on both sides of the wire."""
        return (
            self.report.calls == fault.calls
            and self.requests == self.report.requests == sum(call.attempts for call in self.calls) == fault.requests
            and {call.state for call in self.calls} == {fault.state}
            and self.report.new == fault.drafts
            and bool(self.report.in_doubt) == (fault.state == "in_doubt")
        )


def provider_at(server: WireServer, maker: str, timeout_s: float = 5.0) -> Provider:
    """A client of the server through the SDK of this maker."""
    url = server.openai_url if maker == "openai" else server.anthropic_url
    return open_provider(f"{maker}/m", url, timeout_s=timeout_s, environ={"GROUNDSET_API_KEY": KEY})


def meet(fault: Fault, maker: str, folder: Path) -> Seen:
    """Draft for one cluster in a new project while the server does this."""
    with (
        make_project(folder / "p.groundset", GROUPS) as store,
        WireServer([fault.mode]) as server,
        _impatient(),
    ):
        return _drafted(store, server, provider_at(server, maker, fault.timeout_s))


def _drafted(store: Store, server: WireServer, provider: Provider) -> Seen:
    report = drafting.draft(store, provider, clusters=["cards"], price=PRICE)
    return Seen(report, store.calls(), len(server.requests), server.bills.total())


@contextmanager
def _impatient() -> Iterator[None]:
    usual = pacing.FIRST_WAIT_S, journal.BEYOND_TIMEOUT_S
    pacing.FIRST_WAIT_S, journal.BEYOND_TIMEOUT_S = 0.01, 0.0
    try:
        yield
    finally:
        pacing.FIRST_WAIT_S, journal.BEYOND_TIMEOUT_S = usual
