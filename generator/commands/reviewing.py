"""Decisions about drafts: `curate` opens the app, the others do the same without it."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from generator.commands.endings import PAST, finish
from generator.commands.options import actor_option, json_option, project_argument
from generator.errors import ConfigError
from generator.narration import TerminalNarrator, percent, show, show_json, show_table

if TYPE_CHECKING:
    from generator.evalset.agreement import Report as AgreementReport
    from generator.evalset.deciding import Decided
    from generator.evalset.merging import MergeReport
    from generator.lists import Order
    from generator.store import Store


@click.command()
@project_argument
@click.option("--as", "actor", help="Who decides (your login name).")
@click.option("--blind", is_flag=True, help="Hide what others decided until b shows it; recorded with each decision.")
@click.option("--plain", is_flag=True, help="One question a line, for screen readers and pipes.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with plain characters.")
@click.option("--theme", help="dark, light, contrast or terminal.")
@click.option("--keys", type=click.Path(path_type=Path), metavar="FILE", help="Keys other than the usual ones.")
@click.option("--compare", nargs=2, metavar="A B", help="Compare the answers of two candidates, blind.")
@click.option("--grade", metavar="A", help="Grade the answers of one candidate, blind.")
def curate(
    project: Path,
    actor: str | None,
    blind: bool,
    plain: bool,
    ascii_only: bool,
    theme: str | None,
    keys: Path | None,
    compare: tuple[str, str] | None,
    grade: str | None,
) -> None:
    """Review drafts, or judge answers, in the terminal."""
    command = [sys.executable, "-m", "curation_tui", str(project)]
    for option, value in (("--as", actor), ("--theme", theme), ("--keys", keys)):
        command += [] if value is None else [f"{option}={value}"]  # a name may begin with a dash
    command += ["--blind"] * blind + ["--plain"] * plain + ["--ascii"] * ascii_only
    command += [f"--candidate={name}" for name in compare or ([] if grade is None else [grade])]
    # The app replaces this process: signals and the terminal are its own.
    os.execv(sys.executable, command)  # noqa: S606


def _decision_command(name: Literal["accept", "reject", "later"], help: str) -> click.Command:
    @click.command(name, help=help)
    @project_argument
    @click.argument("drafts", nargs=-1)
    @click.option("--best", type=click.IntRange(1), metavar="N", help="The first N of the queue.")
    @click.option("--marked", is_flag=True, help="With --best: also those that something speaks against.")
    @click.option("--reason", help="Why (for reject): 1 to 7, or in words.")
    @actor_option
    @json_option
    def command(
        project: Path,
        drafts: Sequence[str],
        best: int | None,
        marked: bool,
        reason: str | None,
        actor: str,
        as_json: bool,
    ) -> None:
        from generator.evalset.deciding import decide
        from generator.store import Store

        with Store.open(project) as store:
            decided = decide(store, name, drafts, best=best, reason=reason, actor=actor, marked=marked)
            _show_decided(store, as_json, PAST[name], decided)

    return command


def _show_decided(store: "Store", as_json: bool, what: str, decided: "Decided") -> None:
    before, after = decided.before, decided.after
    finish(
        store,
        as_json,
        lambda: show(f"{what} {len(decided.draft_ids)}; coverage {percent(before)} -> {percent(after)}"),
        {"drafts": list(decided.draft_ids), "coverage": {"before": before, "after": after}},
    )


accept = _decision_command("accept", "Accept drafts by id, or the best of the queue.")
reject = _decision_command("reject", "Reject drafts by id, or the first of the queue.")
later = _decision_command("later", "Put drafts off; they come back after the rest.")


@click.command("edit")
@project_argument
@click.argument("draft")
@click.option("--input", "text", help="What the user says in the last turn.")
@click.option("--criterion", "criteria", multiple=True, help="What a good answer does; repeat for more.")
@click.option("--must-not", multiple=True, help="What it does not do; repeat for more.")
@actor_option
@json_option
def edit_draft(
    project: Path,
    draft: str,
    text: str | None,
    criteria: Sequence[str],
    must_not: Sequence[str],
    actor: str,
    as_json: bool,
) -> None:
    """Accept a draft as you change it; what you do not give stays."""
    from generator.evalset.deciding import edit
    from generator.store import Store

    with Store.open(project) as store:
        decided = edit(store, draft, text=text, criteria=criteria, must_not=must_not, actor=actor)
        _show_decided(store, as_json, "accepted as edited", decided)


@click.command("pin")
@project_argument
@click.argument("draft")
@click.option("--trace", help="The id of the real input (the nearest).")
@actor_option
@json_option
def pin_real(project: Path, draft: str, trace: str | None, actor: str, as_json: bool) -> None:
    """Accept a real input in place of a draft."""
    from generator.evalset.deciding import pin
    from generator.store import Store

    with Store.open(project) as store:
        _show_decided(store, as_json, "pinned", pin(store, draft, trace, actor))


@click.command("tag")
@project_argument
@click.argument("drafts", nargs=-1, required=True)
@click.option("--add", multiple=True, metavar="TAG", help="A tag to give; repeat for more.")
@click.option("--remove", multiple=True, metavar="TAG", help="A tag to take away; repeat for more.")
@actor_option
@json_option
def tag_drafts(
    project: Path, drafts: Sequence[str], add: Sequence[str], remove: Sequence[str], actor: str, as_json: bool
) -> None:
    """Give drafts tags, or take them away."""
    if not add and not remove:
        raise ConfigError("Say which tags, with --add TAG or --remove TAG.")
    _remark(project, drafts, as_json, "tagged", lambda store, ids: store.tag(ids, add, remove, actor))


@click.command("note")
@project_argument
@click.argument("drafts", nargs=-1, required=True)
@click.option("--text", required=True, help="The note; an empty one takes it away.")
@actor_option
@json_option
def note_drafts(project: Path, drafts: Sequence[str], text: str, actor: str, as_json: bool) -> None:
    """Write a note to drafts."""
    _remark(project, drafts, as_json, "noted", lambda store, ids: store.note(ids, text, actor))


@click.command("flag")
@project_argument
@click.argument("drafts", nargs=-1, required=True)
@click.option("--off", is_flag=True, help="Take the flag away.")
@actor_option
@json_option
def flag_drafts(project: Path, drafts: Sequence[str], off: bool, actor: str, as_json: bool) -> None:
    """Flag drafts to come back to them."""
    _remark(project, drafts, as_json, "flagged", lambda store, ids: store.flag(ids, not off, actor))


def _remark(
    project: Path, drafts: Sequence[str], as_json: bool, what: str, act: "Callable[[Store, Sequence[str]], str]"
) -> None:
    from generator.evalset.deciding import named
    from generator.store import Store

    with Store.open(project) as store:
        ids = named(store, drafts)
        act(store, ids)
        finish(store, as_json, lambda: show(f"{what} {len(ids)}"), {"drafts": ids})


def _back_command(name: Literal["undo", "redo"], help: str) -> click.Command:
    @click.command(name, help=help)
    @project_argument
    @actor_option
    @json_option
    def command(project: Path, actor: str, as_json: bool) -> None:
        from generator.evalset.deciding import take_back
        from generator.store import Store

        with Store.open(project) as store:
            _show_decided(store, as_json, PAST[name], take_back(store, name, actor))

    return command


undo = _back_command("undo", "Take back your last step.")
redo = _back_command("redo", "Take back your last undo.")


@click.command("drafts")
@project_argument
@click.argument("filter", nargs=-1)
@click.option("--order", type=click.Choice(["traffic", "cluster", "random", "decided"]), default="traffic")
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True)
@json_option
def list_drafts(
    project: Path,
    filter: Sequence[str],
    order: "Order",
    limit: int,
    as_json: bool,
) -> None:
    """List drafts: cluster:refund state:new tag:tone by:ana gain>0.1, and words to search for."""
    from generator.evalset.listing import draft_rows
    from generator.lists import Filter
    from generator.printable import one_line
    from generator.store import Store

    with Store.open(project) as store:
        count, rows = draft_rows(store, Filter.parsed(" ".join(filter)), order, limit)
    if as_json:
        show_json({"count": count, "drafts": rows})
        return
    for row in rows:
        show(f"{row['id'][:8]}  {row['state']:<8}  {100 * row['gain']:+.2f}  {one_line(row['text'], 90)}")
    show(f"{len(rows)} of {count:,}. Look at them with: groundset curate {project}")


@click.command()
@project_argument
@click.option("--share", type=click.FloatRange(0.01, 0.2), default=0.04, show_default=True, help="Of those that wait.")
def plant(project: Path, share: float) -> None:
    """Put drafts that are known to be bad among the others, to see whether people notice; they never go out."""
    from generator import pipeline
    from generator.config import Config
    from generator.drafting import planting
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        made = planting.plant(store, share)
        pipeline.rank(store, Config.beside(project), narrator)
        show(f"{len(made)} drafts planted; who noticed is in: groundset agreement {project}")


@click.command()
@project_argument
@json_option
def agreement(project: Path, as_json: bool) -> None:
    """How far people agree, how long they looked, and whether they noticed what was planted."""
    from generator.evalset.agreement import report
    from generator.store import Store

    with Store.open(project) as store:
        found = report(store)
    if as_json:
        show_json(found.as_json())
    else:
        _show_agreement(found)


@click.command()
@project_argument
@click.argument("others", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def merge(project: Path, others: Sequence[Path], as_json: bool) -> None:
    """Take in what people decided in other copies of the project; those files stay as they are."""
    from generator.evalset import merging
    from generator.store import Store

    with Store.open(project) as store:
        reports = [merging.merge(store, other) for other in others]
        finish(store, as_json, lambda: _show_merged(reports), [each.as_json() for each in reports])


def _show_agreement(found: "AgreementReport") -> None:
    show_table(
        ["who", "#decided", "#accepted", "#s each", "#planted", "#caught"],
        [
            (
                each.actor,
                f"{each.decided:,}",
                f"{each.accepted:,}",
                "" if each.median_seconds is None else f"{each.median_seconds:.1f}",
                str(each.planted),
                str(each.caught),
            )
            for each in found.looks
        ],
    )
    for pair in found.agreements:
        shown = [
            f"{name} {value.estimate:.2f} ({value.low:.2f} to {value.high:.2f})"
            for name, value in (("kappa", pair.kappa), ("AC1", pair.ac1))
            if value is not None
        ]
        show(f"{pair.first} and {pair.second}: {pair.agreed} of {pair.items} alike, " + ", ".join(shown))
    for each in found.looks:
        if each.hasty is not None:
            show(f"{each.actor} accepted a planted draft in passing ({each.hasty}); look again?")
    if found.disputed:
        show(f"people differ on {found.disputed:,} drafts; settle them in: groundset curate PROJECT, key S")


def _show_merged(reports: "Sequence[MergeReport]") -> None:
    for each in reports:
        more = [
            (each.drafts, "drafts"),
            (each.aims, "aims of clusters"),
            (each.regroupings, "changes of clusters"),
            (each.answers, "answers"),
            (each.judgements, "judgements"),
        ]
        show(f"{each.path}: {each.decisions:,} decisions" + "".join(f", {n:,} {what}" for n, what in more if n))
    if reports[-1].disputed:
        show(f"people differ on {reports[-1].disputed:,} drafts; none of these is exported before somebody settles it")
