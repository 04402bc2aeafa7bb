"""The Runs: what drafting has cost, what is under way beside the app, and what nobody knows the end of."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from curation_tui.actions import Where, bindings
from curation_tui.children import groundset
from curation_tui.document import Block, Document
from curation_tui.figures import counted
from curation_tui.framed import FramedScreen
from curation_tui.looks import Glyphs, bar
from curation_tui.prompt import Confirm
from curation_tui.safe_text import joined, label, line
from curation_tui.session import Session
from generator.ledger import Batch, CallState, Lease, Spending

_STATES: dict[CallState, str] = {
    "done": "answered",
    "sent": "under way",
    "planned": "planned",
    "failed": "failed, not billed",
    "in_doubt": "in doubt",
}
_SILENT_S = 90.0
_BAR = 30
_BESIDE_BAR = 30  # cells for the figures beside it, and the frame


class RunsScreen(FramedScreen):
    """Follows a drafting process by what it writes into the project."""

    WHERE: ClassVar[Where] = "runs"
    BINDINGS = bindings(WHERE)
    GREETING = "Drafting runs beside the app: groundset draft, or g in Clusters."
    CSS = """
    RunsScreen #columns { layout: vertical; }
    RunsScreen #now, RunsScreen #money, RunsScreen #clusters { height: 1fr; border: round $rule; padding: 0 1; }
    RunsScreen.-ascii #now, RunsScreen.-ascii #money, RunsScreen.-ascii #clusters { border: ascii $rule; }
    RunsScreen.-medium #clusters, RunsScreen.-small #clusters { display: none; }
    RunsScreen.-small #money { display: none; }
    RunsScreen.-small.-second #money { display: block; }
    RunsScreen.-small.-second #now { display: none; }
    """

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._calls: Counter[CallState] = Counter()
        self._purposes: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._batches: list[Batch] = []
        self._spending: Spending | None = None
        self._at_work: list[Lease] = []
        self._cluster_names: dict[str, str] = {}

    def body(self) -> ComposeResult:
        """What is under way, what it cost, and for which clusters."""
        with Vertical():
            yield Document(id="now")
            yield Document(id="money")
            yield Document(id="clusters")

    def load(self) -> None:
        """Read the journal of paid calls."""
        store = self._session.store
        self._calls = Counter()
        self._outcomes = Counter()
        for ending in store.call_endings().values():
            self._calls[ending.state] += 1
            if ending.outcome not in {None, "ok"}:
                self._outcomes[str(ending.outcome)] += 1
        self._batches = store.batches("under_way")
        self._spending = store.spending_by()
        self._at_work = store.leases()
        self._cluster_names = {cluster.id: cluster.name for cluster in store.clusters()}

    def show(self) -> None:
        """Show the figures."""
        for name, title in (("now", "Under way"), ("money", "Money"), ("clusters", "Where it went")):
            self.query_one(f"#{name}").border_title = label(title)
        self.query_one("#now", Document).show(self._now_blocks())
        self.query_one("#money", Document).show(self._money_blocks())
        self.query_one("#clusters", Document).show(self._cluster_blocks())

    def _now_blocks(self) -> Iterator[Block]:
        for lease in self._at_work:
            silent = time.time() - lease.heartbeat
            state = "not heard of for a while; it may be gone" if silent > _SILENT_S else "at work"
            who = joined(
                label("drafting, started by "), line(lease.actor, 30), label(f" as process {lease.pid}, {state}")
            )
            yield Block(who, label(f"{self._glyphs.cursor} ", "$success"))
        if not self._at_work:
            yield Block(label("Nothing drafts at the moment.", "$muted"))
        total = sum(self._calls.values())
        ended = self._calls["done"] + self._calls["failed"] + self._calls["in_doubt"]
        if total:
            full, empty = bar(ended / total, min(_BAR, max(self.size.width - _BESIDE_BAR, 4)), self._glyphs)
            yield Block(
                joined(label(full, "$primary"), label(empty, "$muted"), label(f"  {ended:,} of {total:,} calls")),
                space_before=True,
            )
        for state, words in _STATES.items():
            if self._calls[state]:
                style = "bold $warning" if state in {"in_doubt", "failed"} else ""
                yield Block(label(words, style), label(f"{self._calls[state]:>6,}  ", style))
        for batch in self._batches:
            name = line(batch.remote_id or "not confirmed", 40)
            held = label(f": {counted(batch.calls, 'call')}, at most ${batch.reserved_usd:,.2f} held")
            yield Block(joined(label("batch "), name, held), label(f"{self._glyphs.mark} ", "$accent"))
        if self._batches:
            yield Block(label("read what they brought with: groundset draft PROJECT --collect", "$muted"))
        for outcome, count in self._outcomes.most_common(4):
            yield Block(line(outcome, 200, "$muted"), label(f"{count:>6,}  ", "$muted"))

    def _money_blocks(self) -> Iterator[Block]:
        spending = self._spending
        if spending is None:
            return
        rows = [
            ("drafting", spending.drafting),
            ("naming clusters", spending.naming),
            *([("answers of candidates", spending.shadow)] if spending.shadow else []),
            ("held for calls under way", spending.reserved_usd),
        ]
        for words, usd in rows:
            yield Block(label(words), label(f"${usd:>9,.4f}  ", "bold"))
        if spending.per_accepted_sample_usd is not None:
            yield Block(
                label("for each accepted sample"), label(f"${spending.per_accepted_sample_usd:>9,.4f}  ", "bold")
            )
        if self._calls["in_doubt"]:
            yield Block(
                label(
                    f"{counted(self._calls['in_doubt'], 'call')} in doubt: the answer never came, and it may have been "
                    f"billed, at most ${spending.in_doubt_usd:,.4f}. R sends them again.",
                    "bold $warning",
                ),
                space_before=True,
            )

    def _cluster_blocks(self) -> Iterator[Block]:
        spending = self._spending
        if spending is None or not spending.by_cluster:
            yield Block(label("Nothing was spent.", "$muted"))
            return
        for cluster, usd in list(spending.by_cluster.items())[:40]:
            yield Block(
                line(self._cluster_names.get(cluster, cluster), 60), label(f"${usd:>9,.4f}  ", "$muted"), cut=True
            )

    # Acts ---------------------------------------------------------------------------------------

    def action_retry(self) -> None:
        """Send the calls in doubt again, if that is fine."""
        spending = self._spending
        if spending is None or not self._calls["in_doubt"]:
            self.say("No call is in doubt.")
            self.app.bell()
            return
        blocks = [
            Block(
                label(
                    f"{counted(self._calls['in_doubt'], 'call')} may have been billed already; sent again, they cost "
                    f"up to ${spending.in_doubt_usd:,.4f} once more."
                )
            )
        ]
        self.app.push_screen(Confirm("Send them again?", blocks), self._retry)

    def _retry(self, yes: bool | None) -> None:
        if yes:
            self.say("Sent again beside the app.")
            self.run_worker(self._send())

    async def _send(self) -> None:
        ended = await groundset("draft", self._session.path, "--retry-in-doubt", "--yes")
        if ended.ok:
            ended = await groundset("rank", self._session.path)
        if self.is_attached:
            self.say("Done." if ended.ok else ended.error, "$success" if ended.ok else "bold $error")

    def action_turn(self) -> None:
        """The other part, where only one fits."""
        self.toggle_class("-second")

    def action_page_down(self) -> None:
        """Scroll where the money went."""
        self.query_one("#clusters", Document).turn_page(1)

    def action_page_up(self) -> None:
        """Scroll back."""
        self.query_one("#clusters", Document).turn_page(-1)
