"""Candidates that answer items of a small project, and runs of theirs that are killed: for tests and figures."""

import random
from collections.abc import Sequence
from pathlib import Path

from generator.drafting.providers import Provider, open_provider
from generator.drafting.shadow import ShadowReport, shadow
from generator.evalset.selection import answerable
from generator.records import Draft
from generator.store import Store
from tests.drafting.killing import BILL_USD, CAP_BEYOND_USD, CONCURRENCY, Aftermath, Killer, killed_run
from tests.drafting.projects import conversation, make_project
from tests.wire.server import WireServer

ITEMS = 50
PRICE = (1.0, 2.0)


def candidates(address: str) -> list[Provider]:
    """One over each SDK."""
    openai = open_provider("openai/a", f"{address}/v1", timeout_s=5.0, environ={})
    return [openai, open_provider("anthropic/b", address, timeout_s=5.0, environ={"GROUNDSET_API_KEY": "sk-test"})]


def project_with_items(path: Path, count: int = ITEMS) -> Store:
    """A project with so many accepted random draws, each in a cluster of its own."""
    groups = {f"group {number}": (f"Where is parcel {number}?",) for number in range(count)}
    store = make_project(path, groups)
    drafts = []
    for number, (name, (text,)) in enumerate(groups.items()):
        messages = conversation(text)
        made = ("random", "real", messages, (f"Does what the user asks: «{text}»",), (), "a test", name, ())
        drafts.append(Draft(Draft.id_of("random", messages), *made, weight=1 / count, stratum=f"slice-{number:05}"))
    store.add_drafts(drafts)
    store.decide([each.id for each in drafts], "accept", "ana")
    return store


def kill_and_resume(
    folder: Path, kills: int, random_state: int, *, fault_rate: float = 0.0, items: int = ITEMS
) -> Aftermath:
    """Kill this many runs over one project, then leave three alone: under a cap, without one, with doubts resent."""
    path = folder / "p.groundset"
    project_with_items(path, items).close()
    killer = Killer(random.Random(random_state))
    with WireServer(delay_s=0.01, on_request=killer, fault_rate=fault_rate, random_state=random_state) as server:
        killed = sum(killed_run("shadow_once.py", path, server.address, killer) for _ in range(kills))
        with Store.open(path) as store:
            return _aftermath(store, server, killed, items)


def _aftermath(store: Store, server: WireServer, killed: int, items: int) -> Aftermath:
    def run(**options: object) -> ShadowReport:
        return shadow(store, candidates(server.address), answerable(store), price=PRICE, **options)  # type: ignore[arg-type]

    store.sent_to_in_doubt()
    billed_before, cap = server.bills.total(), sum(store.spending()) + CAP_BEYOND_USD
    capped = run(max_cost=cap, concurrency=CONCURRENCY)
    spent_usd = (server.bills.total() - billed_before) * BILL_USD
    report = run()
    while any(each.stopped for each in report.asked):  # faults in a row stop a run; the next one goes on
        report = run()
    calls, billed = store.calls(), server.bills.total()
    kept = {answer.source for answer in store.answers()}
    received = [call.key for call in calls if call.state == "done"]
    in_doubt = sum(call.state == "in_doubt" for call in calls)
    twice = sum(count > 1 for count in server.bills.values())
    while (final := run(retry_in_doubt=True)).in_doubt or any(each.stopped for each in final.asked):
        pass
    return Aftermath(
        killed=killed,
        billed=billed,
        received=len(received),
        lost=len(set(received) - kept),
        twice=twice,
        in_doubt=in_doubt,
        unlisted=max(len(server.bills) - len(received) - in_doubt, 0) + in_doubt - len(report.in_doubt),
        cap_passed=spent_usd > CAP_BEYOND_USD,
        capped=any(each.stopped is not None and "cap" in each.stopped for each in capped.asked),
        unfinished=2 * items - len(store.answers()),
    )


def promised(found: Aftermath, projects: int) -> bool:
    """Whether nothing is lost, bought twice, kept from people or spent beyond the cap."""
    broken: Sequence[int] = (found.lost, found.twice, found.unlisted, found.cap_passed, found.unfinished)
    return not any(broken) and found.capped == projects and found.received <= found.billed
