"""What the screen shows, as values: an item with its evidence, and how far the set has come."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from generator.records import Draft, DraftState, Interval, Mark, Message


@dataclass(frozen=True, slots=True)
class Near:
    """A production input near an item."""

    trace_id: str
    text: str
    similarity: float
    count: int
    seen_at: str | None
    """When it was last seen, where the logs say."""
    outcome: str
    """What the logs say came of it, in words; empty where they say nothing."""


@dataclass(frozen=True, slots=True)
class Twin:
    """The accepted sample most like an item."""

    draft_id: str
    text: str
    similarity: float


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The cluster that an item landed in, and what is tested of it."""

    id: str
    name: str
    named_by: str
    rank: int
    """By traffic; 1 is the largest."""
    of: int
    share: float
    traces: int
    samples: int
    waiting: int
    covered: float
    """How surely its traffic is tested, 0 to 1."""
    covered_after: float
    """The same if the item is accepted."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A cell that an item tests, for the explanation of its gain."""

    weight: float
    depth: float
    depth_so_far: float

    @property
    def gain(self) -> float:
        """What the item adds in this cell, as a share of traffic."""
        return self.weight * max(0.0, self.depth - self.depth_so_far)


@dataclass(frozen=True, slots=True)
class Item:
    """A draft under review with all that is known of it."""

    draft: Draft
    state: DraftState
    gain: float
    novelty: float
    drawn: bool
    """Whether chance put it in its place."""
    first: bool
    """Whether it adds the most of what is left."""
    cluster: ClusterView | None
    asked_for: str | None
    """The name of the cluster it was drafted for, where it landed in another."""
    off_traffic: bool
    marks: tuple[Mark, ...]
    """What verification holds against it."""
    near: tuple[Near, ...]
    twin: Twin | None
    alike: tuple[str, ...]
    """Undecided drafts that ask about the same, folded under it."""
    unfolded: bool
    """Whether those stand in the queue all the same."""
    reached: tuple[Reached, ...]
    place_in_cluster: tuple[int, int]
    """Which draft of its cluster it is, and of how many."""

    @property
    def undecided(self) -> "Item":
        """The same as if nobody had decided on it."""
        return replace(self, state=DraftState(self.draft.id))

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation, as edited where a person edited it."""
        edited = self.state.edited_messages
        return self.draft.messages if edited is None else edited

    @property
    def criteria(self) -> tuple[str, ...]:
        """What a good answer does."""
        edited = self.state.edited_criteria
        return self.draft.criteria if edited is None else edited

    @property
    def must_not(self) -> tuple[str, ...]:
        """What a good answer does not do."""
        edited = self.state.edited_must_not
        return self.draft.must_not if edited is None else edited


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the evaluation set has come."""

    coverage: Interval
    goal: float
    to_goal: int | None
    """How many accepts in queue order lead to the goal; None if the listed drafts do not."""
    listed: int
    left: int
    samples: int
    rejected: int
    later: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What was decided in this session."""

    accepted: int = 0
    edited: int = 0
    rejected: int = 0
    later: int = 0
    median_seconds: float | None = None
    keys: int = 0
    """Pressed on Review, moves and looks among them."""

    @property
    def decided(self) -> int:
        """How many drafts this session decided on, those put off not counted."""
        return self.accepted + self.edited + self.rejected

    @property
    def keys_each(self) -> float | None:
        """Keys for each draft decided on or put off; None before there is one."""
        acts = self.decided + self.later
        return self.keys / acts if acts else None


@dataclass(frozen=True, slots=True)
class Place:
    """One row of the queue."""

    draft_id: str
    gain: float
    cluster: str
    drawn: bool
    later: bool
    off_traffic: bool
    folded: int
    """How many drafts that ask about the same are folded under it."""


Verb = Literal[
    "accepted",
    "edited",
    "pinned",
    "rejected",
    "later",
    "reason",
    "tagged",
    "noted",
    "flagged",
    "unflagged",
    "undone",
    "redone",
    "nothing",
]


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did, after it was saved."""

    verb: Verb
    at: datetime
    draft_id: str = ""
    detail: str = ""
    coverage: tuple[float, float] = (0.0, 0.0)
    """Before and after."""
    others: int = 0
    """Drafts it touched besides the one named."""


def short_id(draft_id: str) -> str:
    """Enough of an id to read out, and to name the draft to `groundset accept`."""
    return draft_id[:8]
