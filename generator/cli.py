"""The `groundset` command: one subcommand a stage, no logic."""

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from generator.errors import ConfigError, GroundsetError
from generator.narration import TerminalNarrator, money, percent, show, show_json, show_table

if TYPE_CHECKING:
    from generator.config import Config
    from generator.drafting.batching import BatchReport
    from generator.drafting.briefing import Ask
    from generator.drafting.budget import Estimate
    from generator.drafting.drafting import DraftingReport, InDoubt
    from generator.drafting.naming import NamingReport
    from generator.drafting.shadow import ShadowReport
    from generator.evalset.agreement import Report as AgreementReport
    from generator.evalset.deciding import Decided
    from generator.evalset.drift import Drift
    from generator.evalset.merging import MergeReport
    from generator.evalset.sitting import Outcome
    from generator.ledger import Spending
    from generator.lists import Order
    from generator.logs.explaining import Explanation
    from generator.logs.ingestion import IngestReport, Reading
    from generator.pipeline import ShownPrompt, Status
    from generator.records import Cluster
    from generator.store import Store

# Stages import numpy, SDKs and models: every command imports what it needs, so that `--help` answers at once.

_BUG = 70
_GATE = 0.10
"""Share of untested traffic by which the verdict goes when no other is given."""
_TARGETS = (
    *("jsonl", "csv", "parquet", "huggingface", "inspect", "promptfoo", "openai", "deepeval", "ragas"),
    *("langsmith", "langfuse", "braintrust", "phoenix", "pytest"),
)
"""The formats of `evalset.exporting`, named here because importing it costs `--help` half a second."""
_PROBLEMS = 5
"""How many of a run's problems, or of vanished clusters, are shown."""


def main() -> None:
    """Run the command line; expected errors become one sentence and an exit code."""
    # Output goes into pipes and files of every locale; a character it lacks must not end the program.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nStopped. What was done is kept; run the same command again to go on.", err=True)
        sys.exit(130)
    except GroundsetError as error:
        from generator.printable import printable

        click.echo(f"groundset: {printable(str(error))}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone; closing stdout quietly is what `head` expects.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception:
        import traceback

        traceback.print_exc()
        click.echo("groundset: this is a bug; what was saved is safe. Please report the lines above.", err=True)
        sys.exit(_BUG)
    sys.exit(code if isinstance(code, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="groundset", message="groundset %(version)s")
def cli() -> None:
    """Turn production LLM inputs into an evaluation set people can trust.

    Start with: groundset demo, or with your own logs: groundset run support.groundset logs.jsonl
    """


_Command = Callable[..., Any]

_project = click.argument("project", type=click.Path(path_type=Path))
_logs = click.argument("logs", nargs=-1, required=True)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def _options(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_ingest_options = _options(
    click.option("--format", default="auto", show_default=True, help="The log format; --explain shows which it is."),
    click.option("--field", help="Where the text lies in a record, for example request.body.question."),
    click.option(
        "--unit",
        type=click.Choice(["conversation", "turn", "first"]),
        help="What is one input: all that a user says in a conversation, each turn with its context, or the first.",
    ),
    click.option("--no-redact", is_flag=True, help="Keep personal data and secrets as they are."),
    click.option("--redact-also", multiple=True, metavar="PATTERN", help="Mask what fits this pattern (RE2) too."),
    click.option("--redact-names", is_flag=True, help="Mask names of people, as a model finds them ([names])."),
)


def _reading(
    format: str, field: str | None, unit: Any, no_redact: bool, redact_also: Sequence[str], redact_names: bool
) -> "Reading":
    from generator.logs.ingestion import Reading
    from generator.logs.redaction import Masking

    return Reading(format, field, unit, Masking(not no_redact, tuple(redact_also), redact_names))


_encoder_option = click.option(
    "--encoder",
    help="auto, minilm, minilm-int8 (faster on processors with VNNI), lexical, openai/MODEL, or a "
    "sentence-transformers name or folder.",
)
_clusters_option = click.option("--clusters", help="auto, or how many.")
_min_users_option = click.option(
    "--min-users",
    type=click.IntRange(1),
    metavar="K",
    help="Neither show nor draft from clusters of fewer than K users (conversations, where no user is logged).",
)
_call_options = _options(
    click.option("--base-url", help="A server that speaks OpenAI's protocol, for openai/NAME."),
    click.option("--concurrency", type=click.IntRange(1, 64), help="Calls under way at a time (4)."),
    click.option(
        "--timeout", type=click.FloatRange(min=1), metavar="S", help="Seconds a model has for an answer (120)."
    ),
    click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD", help="Hard cap on spending."),
    click.option(
        "--price",
        nargs=2,
        type=float,
        metavar="IN OUT",
        help="US dollars per million tokens, for a model not in the list.",
    ),
)
_model_options = _options(
    click.option("--model", help="anthropic/NAME, openai/NAME or offline (rules, no model)."),
    _call_options,
)
_draft_options = _options(
    _model_options,
    click.option("--per-cluster", type=click.IntRange(1, 50), help="Drafts asked for per cluster (4)."),
    click.option("--no-names", is_flag=True, help="Leave the clusters the names made of their phrases."),
)


def _named(pairs: Sequence[str], what: str = "benchmark", example: str = "mmlu=mmlu.jsonl") -> list[tuple[str, str]]:
    named = [(name, file) for name, equals, file in (each.partition("=") for each in pairs) if equals and file]
    if len(named) != len(pairs):
        raise ConfigError(f"Name each {what} and its file, for example: {example}")
    return named


def _clusters(value: str | None) -> int | None:
    if value is None or value == "auto":
        return None
    if not value.isdigit() or value == "0":
        raise ConfigError(f"--clusters is {value!r}; give a number of clusters, or auto.")
    return int(value)


@cli.command()
@_project
@_logs
@_ingest_options
@click.option("--explain", "only_explain", is_flag=True, help="Show format, paths and three inputs; change nothing.")
@_as_json
def ingest(project: Path, logs: Sequence[str], only_explain: bool, as_json: bool, **options: Any) -> None:
    """Read log files (JSONL, JSON, CSV, TSV, text, Parquet; .gz and .zst; globs; - for stdin)."""
    from generator import pipeline
    from generator.store import Store

    reading = _reading(**options)
    if only_explain:
        explained = pipeline.explain(logs, reading)
        if as_json:
            show_json([each.as_json() for each in explained])
        else:
            _show_explained(project, explained)
        return
    with Store.open(project, create=True) as store, TerminalNarrator() as narrator:
        report = pipeline.ingest(store, logs, narrator, reading)
        _after(store, as_json, lambda: _show_ingested(report), _ingested_json(report))


@cli.command()
@_project
@_encoder_option
def embed(project: Path, encoder: str | None) -> None:
    """Turn every distinct input into a vector (resumable)."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.embed(store, Config.beside(project).override(encoder=encoder), narrator)
        _next(store)


@cli.command()
@_project
@_clusters_option
@_encoder_option
@_min_users_option
@click.option("--anew", is_flag=True, help="Group everything again, also where new inputs fit the clusters there are.")
@_as_json
def cluster(
    project: Path, clusters: str | None, encoder: str | None, min_users: int | None, anew: bool, as_json: bool
) -> None:
    """Group the traffic by meaning."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    config = Config.beside(project).override(clusters=_clusters(clusters), encoder=encoder, min_users=min_users)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.cluster(store, config, narrator, anew=anew)
        _after(store, as_json, lambda: _show_clusters(store, limit=15), _clusters_json(store) if as_json else None)


@cli.command()
@_project
@_draft_options
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would cost, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--retry-in-doubt", is_flag=True, help="Repeat calls that may have been billed without an answer.")
@click.option("--batch", is_flag=True, help="Hand the calls over as a batch: half the price, answered within a day.")
@click.option("--collect", is_flag=True, help="Read what batches have brought.")
@click.option("--wait", is_flag=True, help="With --collect: come back when all batches have ended.")
@click.option(
    "--until",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Draft in rounds until the drafts could cover so much.",
)
@click.option(
    "--min-gain",
    type=click.FloatRange(min=0),
    metavar="POINTS",
    help="With --until: stop when a round promises fewer points of coverage per dollar (1).",
)
@click.option("--only", metavar="CLUSTER", help="Draft more for this cluster, named by id or name.")
@click.option("--show-prompt", metavar="CLUSTER", help="Print what would be sent for a cluster, and stop.")
def draft(
    project: Path,
    only_estimate: bool,
    yes: bool,
    retry_in_doubt: bool,
    batch: bool,
    collect: bool,
    wait: bool,
    until: float | None,
    min_gain: float | None,
    only: str | None,
    show_prompt: str | None,
    no_names: bool,
    **options: Any,
) -> None:
    """Have a model, or the rules, draft variants and edge cases for every cluster."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(**options)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        if show_prompt is not None:
            _show_prompts(pipeline.prompts_for(store, config, show_prompt))
            return
        if until is not None:
            _draft_until(
                store,
                config,
                narrator,
                until,
                min_gain,
                price,
                yes=yes,
                retry_in_doubt=retry_in_doubt,
                names=not no_names,
            )
            return
        if collect:
            _collect(store, config, narrator, price, wait=wait)
            return
        if only is not None:
            if batch:
                raise ConfigError("--only asks at once; leave --batch out.")
            _draft_more(
                store,
                config,
                narrator,
                only,
                price,
                yes=yes,
                retry_in_doubt=retry_in_doubt,
                only_estimate=only_estimate,
            )
            return
        if only_estimate:
            show(_estimate_line(pipeline.estimate(store, config, price, names=not no_names, batch=batch)))
            return
        _ask_before_spending(store, config, price, yes=yes, names=not no_names, batch=batch)
        if batch:
            _show_batch(
                project,
                pipeline.submit_batch(
                    store, config, narrator, price=price, retry_in_doubt=retry_in_doubt, names=not no_names
                ),
            )
            return
        report = pipeline.draft(store, config, narrator, price=price, retry_in_doubt=retry_in_doubt, names=not no_names)
        _show_drafted(project, report, narrator)
        _next(store)


@cli.command("name")
@_project
@_model_options
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--retry-in-doubt", is_flag=True, help="Repeat calls that may have been billed without an answer.")
@_as_json
def name_clusters(project: Path, yes: bool, retry_in_doubt: bool, as_json: bool, **options: Any) -> None:
    """Have a model name the clusters; names that people gave stay, and `draft` does it by itself."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(**options)
    with Store.open(project) as store, TerminalNarrator():
        _ask_before_spending(store, config, price, yes=yes, only_names=True)
        report = pipeline.name_clusters(store, config, price=price, retry_in_doubt=retry_in_doubt)
        _after(store, as_json, lambda: _show_named(store, report), report.as_json())


@cli.command()
@_project
def rank(project: Path) -> None:
    """Order what waits for review by how much of the traffic each item adds."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.rank(store, Config.beside(project), narrator)
        _next(store)


@cli.command()
@_project
@_logs
@_ingest_options
@_encoder_option
@_clusters_option
@_min_users_option
@_draft_options
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="ray: read, embed and group over a cluster ([ray]); LOGS may be folders and URLs such as s3://logs/2026/.",
)
def run(
    project: Path,
    logs: Sequence[str],
    format: str,
    field: str | None,
    unit: str | None,
    no_redact: bool,
    redact_also: Sequence[str],
    redact_names: bool,
    clusters: str | None,
    yes: bool,
    no_names: bool,
    engine: str,
    **options: Any,
) -> None:
    """Ingest, embed, cluster, draft and rank in one go."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(clusters=_clusters(clusters), **options)
    reading = _reading(format, field, unit, no_redact, redact_also, redact_names)
    with Store.open(project, create=True) as store, TerminalNarrator() as narrator:
        if engine == "ray":
            pipeline.gather(store, logs, config, narrator, reading)
        else:
            _show_ingested(pipeline.ingest(store, logs, narrator, reading))
            pipeline.cluster(store, config, narrator)
        _show_clusters(store, limit=10)
        _ask_before_spending(store, config, price, yes=yes, names=not no_names)
        drafted = pipeline.draft(store, config, narrator, price=price, names=not no_names)
        _show_drafted(project, drafted, narrator)
        pipeline.rank(store, config, narrator)
        _next(store)


@cli.command()
@_project
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


_actor_option = click.option("--as", "actor", help="Who decides (your login name).")
_PAST = {"accept": "accepted", "reject": "rejected", "later": "put off", "undo": "took back a step on", "redo": "redid"}


def _decision_command(name: Literal["accept", "reject", "later"], help: str) -> None:
    @cli.command(name, help=help)
    @_project
    @click.argument("drafts", nargs=-1)
    @click.option("--best", type=click.IntRange(1), metavar="N", help="The first N of the queue.")
    @click.option("--marked", is_flag=True, help="With --best: also those that something speaks against.")
    @click.option("--reason", help="Why (for reject): 1 to 7, or in words.")
    @_actor_option
    @_as_json
    def command(
        project: Path,
        drafts: Sequence[str],
        best: int | None,
        marked: bool,
        reason: str | None,
        actor: str | None,
        as_json: bool,
    ) -> None:
        from generator.evalset.deciding import decide
        from generator.store import Store

        with Store.open(project) as store:
            decided = decide(
                store, name, drafts, best=best, reason=reason, actor=actor or getpass.getuser(), marked=marked
            )
            _show_decided(store, as_json, _PAST[name], decided)


def _show_decided(store: "Store", as_json: bool, what: str, decided: "Decided") -> None:
    before, after = decided.before, decided.after
    _after(
        store,
        as_json,
        lambda: show(f"{what} {len(decided.draft_ids)}; coverage {percent(before)} -> {percent(after)}"),
        {"drafts": list(decided.draft_ids), "coverage": {"before": before, "after": after}},
    )


_decision_command("accept", "Accept drafts by id, or the best of the queue.")
_decision_command("reject", "Reject drafts by id, or the first of the queue.")
_decision_command("later", "Put drafts off; they come back after the rest.")


@cli.command("edit")
@_project
@click.argument("draft")
@click.option("--input", "text", help="What the user says in the last turn.")
@click.option("--criterion", "criteria", multiple=True, help="What a good answer does; repeat for more.")
@click.option("--must-not", multiple=True, help="What it does not do; repeat for more.")
@_actor_option
@_as_json
def edit_draft(
    project: Path,
    draft: str,
    text: str | None,
    criteria: Sequence[str],
    must_not: Sequence[str],
    actor: str | None,
    as_json: bool,
) -> None:
    """Accept a draft as you change it; what you do not give stays."""
    from generator.evalset.deciding import edit
    from generator.store import Store

    with Store.open(project) as store:
        who = actor or getpass.getuser()
        decided = edit(store, draft, text=text, criteria=criteria, must_not=must_not, actor=who)
        _show_decided(store, as_json, "accepted as edited", decided)


@cli.command("pin")
@_project
@click.argument("draft")
@click.option("--trace", help="The id of the real input (the nearest).")
@_actor_option
@_as_json
def pin_real(project: Path, draft: str, trace: str | None, actor: str | None, as_json: bool) -> None:
    """Accept a real input in place of a draft."""
    from generator.evalset.deciding import pin
    from generator.store import Store

    with Store.open(project) as store:
        _show_decided(store, as_json, "pinned", pin(store, draft, trace, actor or getpass.getuser()))


@cli.command("tag")
@_project
@click.argument("drafts", nargs=-1, required=True)
@click.option("--add", multiple=True, metavar="TAG", help="A tag to give; repeat for more.")
@click.option("--remove", multiple=True, metavar="TAG", help="A tag to take away; repeat for more.")
@_actor_option
@_as_json
def tag_drafts(
    project: Path, drafts: Sequence[str], add: Sequence[str], remove: Sequence[str], actor: str | None, as_json: bool
) -> None:
    """Give drafts tags, or take them away."""
    if not add and not remove:
        raise ConfigError("Say which tags, with --add TAG or --remove TAG.")
    _remark(
        project, drafts, as_json, "tagged", lambda store, ids: store.tag(ids, add, remove, actor or getpass.getuser())
    )


@cli.command("note")
@_project
@click.argument("drafts", nargs=-1, required=True)
@click.option("--text", required=True, help="The note; an empty one takes it away.")
@_actor_option
@_as_json
def note_drafts(project: Path, drafts: Sequence[str], text: str, actor: str | None, as_json: bool) -> None:
    """Write a note to drafts."""
    _remark(project, drafts, as_json, "noted", lambda store, ids: store.note(ids, text, actor or getpass.getuser()))


@cli.command("flag")
@_project
@click.argument("drafts", nargs=-1, required=True)
@click.option("--off", is_flag=True, help="Take the flag away.")
@_actor_option
@_as_json
def flag_drafts(project: Path, drafts: Sequence[str], off: bool, actor: str | None, as_json: bool) -> None:
    """Flag drafts to come back to them."""
    who = actor or getpass.getuser()
    _remark(project, drafts, as_json, "flagged", lambda store, ids: store.flag(ids, not off, who))


def _remark(
    project: Path, drafts: Sequence[str], as_json: bool, what: str, act: "Callable[[Store, Sequence[str]], str]"
) -> None:
    from generator.evalset.deciding import named
    from generator.store import Store

    with Store.open(project) as store:
        ids = named(store, drafts)
        act(store, ids)
        _after(store, as_json, lambda: show(f"{what} {len(ids)}"), {"drafts": ids})


def _back_command(name: Literal["undo", "redo"], help: str) -> None:
    @cli.command(name, help=help)
    @_project
    @_actor_option
    @_as_json
    def command(project: Path, actor: str | None, as_json: bool) -> None:
        from generator.evalset.deciding import take_back
        from generator.store import Store

        with Store.open(project) as store:
            _show_decided(store, as_json, _PAST[name], take_back(store, name, actor or getpass.getuser()))


_back_command("undo", "Take back your last step.")
_back_command("redo", "Take back your last undo.")


@cli.command("judge")
@_project
@click.argument("item", required=False)
@click.option("--prefer", metavar="A", help="The answer of A is better than that of --over.")
@click.option("--over", metavar="B", help="The other one.")
@click.option("--same", nargs=2, metavar="A B", help="There is no difference that matters.")
@click.option("--both-bad", nargs=2, metavar="A B", help="Neither will do.")
@click.option("--grade", nargs=2, metavar="A VERDICT", help="The answer of A alone: pass, fail or unsure.")
@click.option("--met", nargs=2, multiple=True, metavar="A CRITERION", help="A meets it (text, or number from 1).")
@click.option("--unmet", nargs=2, multiple=True, metavar="A CRITERION", help="A does not.")
@click.option("--undo", "back", flag_value="undo", help="Take back your last judgement.")
@click.option("--redo", "back", flag_value="redo", help="Take back your last undo.")
@_actor_option
@_as_json
def judge_answers(
    project: Path,
    item: str | None,
    back: Literal["undo", "redo"] | None,
    met: Sequence[tuple[str, str]],
    unmet: Sequence[tuple[str, str]],
    actor: str | None,
    as_json: bool,
    **ways: Any,
) -> None:
    """Say which of two answers is better, or whether one passes; blind is: groundset curate PROJECT --compare A B."""
    from generator.evalset.deciding import judge
    from generator.store import Store

    with Store.open(project) as store:
        who = actor or getpass.getuser()
        if back is not None:
            touched = store.undo_judgement(who) if back == "undo" else store.redo_judgement(who)
            if not touched:
                raise ConfigError(f"There is no judgement of {who} to {back}; what came before names were shown stays.")
            draft_id = touched[0].draft_id
        else:
            candidates, said = _verdict(**ways)
            if item is None:
                raise ConfigError("Name the item: groundset judge PROJECT ITEM --prefer A --over B")
            marks = [(*each, True) for each in met] + [(*each, False) for each in unmet]
            draft_id = judge(store, item, candidates, said, marks, who)
        _after(store, as_json, lambda: show(f"{_PAST.get(back or '', 'judged')} {draft_id}"), {"item": draft_id})


def _verdict(
    prefer: str | None,
    over: str | None,
    same: tuple[str, str] | None,
    both_bad: tuple[str, str] | None,
    grade: tuple[str, str] | None,
) -> tuple[tuple[str, ...], Any]:
    """Candidates and verdict, of which exactly one must be given."""
    found: list[tuple[tuple[str, ...], str]] = []
    if prefer is not None and over is not None:
        found.append(((prefer, over), "left"))
    found += [(pair, said) for pair, said in ((same, "same"), (both_bad, "both_bad")) if pair]
    if grade:
        if grade[1] not in {"pass", "fail", "unsure"}:
            raise ConfigError(f"{grade[1]} is no grade; there are pass, fail and unsure.")
        found.append((grade[:1], grade[1]))
    if len(found) != 1 or (prefer is None) != (over is None):
        raise ConfigError("Say one of: --prefer A --over B, --same A B, --both-bad A B, --grade A pass|fail|unsure.")
    return found[0]


@cli.command("reveal")
@_project
@click.argument("candidates", nargs=-1, required=True)
@_actor_option
@_as_json
def reveal_names(project: Path, candidates: Sequence[str], actor: str | None, as_json: bool) -> None:
    """End your blind session on one candidate or two, which is recorded, and show what came of it."""
    from generator.evalset.sitting import Sitting, chosen_candidates
    from generator.store import Store

    if len(candidates) > 2:
        raise ConfigError("Name one candidate that was graded, or two that were compared.")
    with Store.open(project) as store:
        found = Sitting(store, actor or getpass.getuser(), chosen_candidates(store, candidates)).reveal()
    if as_json:
        show_json(found.as_json())
        return
    _show_outcome(found)
    if len(candidates) == 2:
        from shlex import join

        click.echo(f"next: {join(['groundset', 'decide', str(project), *found.candidates])}", err=True)


@cli.command("drafts")
@_project
@click.argument("filter", nargs=-1)
@click.option("--order", type=click.Choice(["traffic", "cluster", "random", "decided"]), default="traffic")
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True)
@_as_json
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


@cli.command()
@_project
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--format", required=True, type=click.Choice(_TARGETS), help="For which tool.")
@click.option("--size", type=click.IntRange(1), metavar="N", help="A balanced set of N.")
@click.option("--split", type=click.Choice(["dev", "holdout"]), help="Only this split.")
@click.option("--csv-raw", is_flag=True, help="CSV for programs: cells that look like formulas stay as they are.")
@click.option("--licence", metavar="TEXT", help="What the card says may be done with the set.")
@click.option("--dry-run", is_flag=True, help="Say what would go out and what speaks against it; write nothing.")
@_as_json
def export(
    project: Path,
    out: Path,
    format: str,
    size: int | None,
    split: Literal["dev", "holdout"] | None,
    csv_raw: bool,
    licence: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Write the accepted samples for another tool.

    With --dry-run the exit code is 1 where a check fails.
    """
    from generator.evalset.exporting import export as write
    from generator.store import Store

    with Store.open(project) as store:
        if dry_run:
            return _dry_run(store, as_json)
        report = write(store, out, format, size=size, split=split, csv_raw=csv_raw, licence=licence)
    if as_json:
        show_json(
            {
                "path": str(report.path),
                "files": list(report.files),
                "samples": report.samples,
                "warnings": list(report.warnings),
            }
        )
        return 0
    show(f"{report.samples} samples -> {report.path} ({', '.join(report.files)})")
    if report.previous:
        show(f"the export that was there is kept as {report.previous}")
    for warning in report.warnings:
        show(warning)
    click.echo(f"next: groundset gaps {project} --evals {report.path}", err=True)
    return 0


@cli.command()
@_project
@click.option("--rejected", is_flag=True, help="List the lines that could not be read, and why.")
@click.option("--drafting", is_flag=True, help="How the drafts of each prompt version and model fared.")
@_as_json
def status(project: Path, rejected: bool, drafting: bool, as_json: bool) -> None:
    """Counts, coverage, spending, and what to do next."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        if drafting:
            _show_track_records(project, store, as_json)
            return
        if rejected:
            rows = store.rejected()
            if as_json:
                show_json([{"source": row.source, "position": row.position, "reason": row.reason} for row in rows])
            else:
                show_table(["source", "#line", "reason"], [(row.source, str(row.position), row.reason) for row in rows])
            return
        state = pipeline.status(store)
    if as_json:
        show_json(state.as_json())
        return
    show(f"traces     {state.traces:,} ({state.distinct:,} distinct), {state.rejected:,} records rejected")
    if state.redactions:
        show("redacted   " + ", ".join(f"{count} {kind}" for kind, count in state.redactions.items()))
    if state.few_users.clusters:
        few = state.few_users
        show(
            f"few users  {few.clusters:,} clusters with {percent(few.share)} of the traffic have fewer than "
            f"{few.min_users} users: not shown, not drafted from"
        )
    show(f"clusters   {state.clusters:,} over {state.cells:,} cells; encoder {state.encoder or 'not chosen yet'}")
    show(f"drafts     {state.drafts:,}, {state.undecided:,} undecided")
    show(f"samples    {state.samples:,}")
    show(
        f"coverage   {percent(state.coverage.estimate)} of traffic "
        f"({percent(state.coverage.low)} to {percent(state.coverage.high)})"
    )
    _show_candidates(state)
    show(f"spent      {money(state.spent_usd)}" + (f", {state.in_doubt} calls in doubt" if state.in_doubt else ""))
    if state.spent_usd or state.spending.reserved_usd or state.in_doubt:
        show(f"spending   {_spending_line(state.spending)}")
    if state.batches:
        calls = sum(each.calls for each in state.batches)
        show(f"batches    {len(state.batches)} under way with {calls:,} calls; groundset draft {project} --collect")
    if state.note is not None:
        show(f"note       {state.note}")
    click.echo(f"next: {state.next}", err=True)


def _show_candidates(state: "Status") -> None:
    if state.candidates:
        stale = f"; {state.stale_answers:,} are to earlier versions of their items" if state.stale_answers else ""
        show("answers    " + ", ".join(f"{count:,} of {name}" for name, count in state.candidates.items()) + stale)


@cli.command()
@_project
@click.option("--limit", type=click.IntRange(1), help="Only the largest.")
@click.option(
    "--per-trace", type=click.Path(path_type=Path), metavar="OUT.jsonl", help="Also write every trace's cluster."
)
@click.option("--damp-users", is_flag=True, help="Also show shares in which heavy users weigh less.")
@_as_json
def clusters(project: Path, limit: int | None, per_trace: Path | None, damp_users: bool, as_json: bool) -> None:
    """The clusters, by traffic."""
    from generator.evalset.listing import cluster_rows, write_per_trace
    from generator.store import Store

    with Store.open(project) as store:
        if per_trace is not None:
            count = write_per_trace(store, per_trace)
            click.echo(f"{count:,} distinct traces -> {per_trace}", err=True)
        if as_json:
            show_json(_with_damped(store, cluster_rows(store)[:limit]) if damp_users else cluster_rows(store)[:limit])
        elif damp_users:
            _show_damped(store, limit)
        elif per_trace is None:
            _show_clusters(store, limit)


@cli.command()
@_project
@_as_json
def drift(project: Path, as_json: bool) -> None:
    """What changed since the last logs: clusters new, grown, shrunk or gone, and coverage, with the reason."""
    from generator.evalset.drift import drift as find_drift
    from generator.store import Store

    with Store.open(project) as store:
        found = find_drift(store)
        _after(store, as_json, lambda: _show_drift(found), found.as_json())


_actor_option = click.option("--as", "actor", help="Who decides (your login name).")


@cli.command("split")
@_project
@click.argument("cluster")
@click.option("--into", type=click.IntRange(2), default=2, show_default=True, metavar="N", help="Into how many.")
@_actor_option
@_as_json
def split_cluster(project: Path, cluster: str, into: int, actor: str | None, as_json: bool) -> None:
    """Divide a cluster, named by id or name; every later clustering keeps the parts apart."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        made = pipeline.split(store, cluster, into, actor or getpass.getuser())
        _show_regrouped(store, as_json, made)


@cli.command("join")
@_project
@click.argument("clusters", nargs=-1, required=True)
@_actor_option
@_as_json
def join_clusters(project: Path, clusters: Sequence[str], actor: str | None, as_json: bool) -> None:
    """Make several clusters one; every later clustering keeps them together."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        made = pipeline.join(store, clusters, actor or getpass.getuser())
        _show_regrouped(store, as_json, made)


@cli.command("rename")
@_project
@click.argument("cluster")
@click.argument("name")
@_actor_option
@_as_json
def rename_cluster(project: Path, cluster: str, name: str, actor: str | None, as_json: bool) -> None:
    """Give a cluster a name that it keeps."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        made = pipeline.rename(store, cluster, name, actor or getpass.getuser())
        _show_regrouped(store, as_json, made)


@cli.command()
@_project
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


@cli.command()
@_project
@_as_json
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


@cli.command()
@_project
@click.argument("others", nargs=-1, required=True, type=click.Path(path_type=Path))
@_as_json
def merge(project: Path, others: Sequence[Path], as_json: bool) -> None:
    """Take in what people decided in other copies of the project; those files stay as they are."""
    from generator.evalset import merging
    from generator.store import Store

    with Store.open(project) as store:
        reports = [merging.merge(store, other) for other in others]
        _after(store, as_json, lambda: _show_merged(reports), [each.as_json() for each in reports])


_evals = click.option(
    "--evals", multiple=True, metavar="FILE", help="An existing evaluation set; without it, the accepted samples."
)


@cli.command()
@_project
@_evals
@click.option("--fail-over", type=click.FloatRange(0, 1), metavar="SHARE", help="Fail when more traffic is untested.")
@click.option("--limit", type=click.IntRange(1), default=15, show_default=True, help="Clusters to show.")
@click.option("--per-trace", type=click.Path(path_type=Path), metavar="OUT.jsonl", help="Also write every trace.")
@_as_json
def gaps(
    project: Path, evals: Sequence[str], fail_over: float | None, limit: int, per_trace: Path | None, as_json: bool
) -> int:
    """Untested clusters, by traffic.

    With --fail-over 0.10 the exit code is a gate: 0 at most that share is untested, 1 more is, 3 the evidence
    does not say.
    """
    from generator import assessment
    from generator.answers import show_gaps
    from generator.config import Config
    from generator.evalset.listing import write_lines
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        most = _GATE if fail_over is None else fail_over
        answer = assessment.gaps(store, Config.beside(project), narrator, evals, most)
        if per_trace is not None:
            write_lines(answer.per_trace(), per_trace)
        if as_json:
            show_json(answer.as_json())
        else:
            show_gaps(answer, limit, most)
    return 0 if fail_over is None else {"covered": 0, "gaps": 1, "unsure": 3}[answer.verdict]


@cli.command()
@_project
@click.argument("texts", nargs=-1, required=True, metavar="TEXT... or -")
@_evals
@_as_json
def covers(project: Path, texts: Sequence[str], evals: Sequence[str], as_json: bool) -> None:
    """Is this tested? covered, near, gap, or nobody asks this; - reads a text a line."""
    from generator import assessment
    from generator.config import Config
    from generator.printable import one_line
    from generator.store import Store

    asked = [line for line in sys.stdin.read().split("\n") if line.strip()] if texts == ("-",) else list(texts)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        answers = assessment.covers(store, Config.beside(project), narrator, asked, evals)
    if as_json:
        show_json([answer.as_json() for answer in answers])
        return
    for answer in answers:
        show(f"{answer.verdict:<17} {answer.covered:.2f}  {one_line(answer.text, 90)}")
        if answer.nearest_item is not None:
            show(f"  nearest item     {one_line(answer.nearest_item, 100)}")
        show(f"  nearest traffic  {one_line(answer.nearest_trace, 80)}   [{one_line(answer.cluster, 30)}]")


@cli.command()
@_project
@click.argument("benchmarks", nargs=-1, required=True, metavar="NAME=FILE...")
@click.option(
    "--scores",
    metavar="SCORES.csv",
    help="A leaderboard (model, benchmark, score) to order by the traffic that the benchmarks reach.",
)
@click.option("--clusters", type=click.IntRange(0), default=5, show_default=True, help="Largest clusters to show.")
@_as_json
def mirage(project: Path, benchmarks: Sequence[str], scores: str | None, clusters: int, as_json: bool) -> None:
    """What share of your traffic each benchmark reaches, and what it is worth in your own traces.

    With --scores, the order of models when every benchmark counts by the traffic it reaches. Scores are shares
    (0.712) or percents (71.2, or "71.2 %"), alike for all models of a benchmark.
    """
    from generator import assessment
    from generator.answers import show_mirage
    from generator.config import Config
    from generator.store import Store

    named = _named(benchmarks)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        answer = assessment.mirage(store, Config.beside(project), narrator, named, scores)
    if as_json:
        show_json(answer.as_json())
    else:
        show_mirage(answer, clusters)


@cli.command()
@_project
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT.html")
@click.option(
    "--benchmark", "benchmarks", multiple=True, metavar="NAME=FILE", help="Also say what this benchmark reaches."
)
@click.option("--decide", "between", nargs=2, metavar="A B", help="Set these candidates side by side (the only two).")
def report(project: Path, out: Path, benchmarks: Sequence[str], between: tuple[str, str] | None) -> None:
    """One page: the map, clusters, gaps, two candidates, the mirage, the costs, and how the set was made."""
    from generator.config import Config
    from generator.reporting import write_report
    from generator.store import Store

    named = _named(benchmarks)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        made = write_report(store, Config.beside(project), narrator, out, named, between)
        narrator.close()
        show(f"{made.counts.samples:,} samples test {percent(made.coverage.estimate)} of the traffic -> {out}")
        _next(store)


@cli.command()
@_project
@click.argument("results")
@click.argument("results_b", required=False)
@click.option("--judged", metavar="MODEL", help="The model that was judged: warns where its family drafted the items.")
@_as_json
def score(project: Path, results: str, results_b: str | None, judged: str | None, as_json: bool) -> int:
    """What item results say of production; with two files, whether B is better than A.

    RESULTS is our JSONL (id, passed or score), CSV, a promptfoo output, an Inspect log or an OpenAI evals log.
    The exit code is 3 where nothing can be said.
    """
    from generator import assessment
    from generator.answers import show_score
    from generator.store import Store

    with Store.open(project) as store:
        files = [results] if results_b is None else [results, results_b]
        answer = assessment.score(store, files, judged)
    if as_json:
        show_json(answer.as_json())
    else:
        show_score(answer)
    return 0 if answer.first.estimate is not None else 3


@cli.command()
@_project
@click.option("--model", "models", multiple=True, required=True, help="A candidate, openai/NAME or anthropic/NAME.")
@_call_options
@click.option("--split", type=click.Choice(["dev", "holdout"]), help="Only items of this split.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Only so many accepted items.")
@click.option(
    "--fresh", type=click.IntRange(0), default=0, metavar="N", help="Also random inputs nobody has looked at."
)
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="The most an answer may take (2048).")
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would cost, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--retry-in-doubt", is_flag=True, help="Repeat calls that may have been billed without an answer.")
@_as_json
def shadow(
    project: Path,
    models: Sequence[str],
    split: Literal["dev", "holdout"] | None,
    sample: int | None,
    fresh: int,
    max_tokens: int | None,
    only_estimate: bool,
    yes: bool,
    retry_in_doubt: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Have candidate models answer the items, within a budget; nothing is bought twice."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(**options)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        items = pipeline.items_to_ask(store, split, sample, fresh)
        found = pipeline.estimate_shadow(store, config, models, items, price=price, max_tokens=max_tokens)
        if only_estimate:
            if as_json:
                show_json([each.as_json() for each in found])
                return
            for each in found:
                show(_estimate_line(each))
            return
        _confirm_spending(found, yes=yes or config.max_cost is not None)
        report = pipeline.shadow(
            store,
            config,
            narrator,
            models,
            items,
            price=price,
            retry_in_doubt=retry_in_doubt,
            max_tokens=max_tokens,
        )
        narrator.close()
        candidates = store.candidates()
    if as_json:
        show_json(report.as_json())
        return
    _show_shadow(project, report)
    click.echo(f"next: {_next_with_answers(project, list(candidates))}", err=True)


@cli.command("answers")
@_project
@click.argument("files", nargs=-1, required=True, metavar="NAME=FILE...")
@click.option("--replace", is_flag=True, help="Answers that differ from those that are there take their place.")
@_as_json
def take_in_answers(project: Path, files: Sequence[str], replace: bool, as_json: bool) -> None:
    """Read answers of models that were made elsewhere, and let programs decide what they can.

    FILE is our JSONL (id, output, and where known passed, latency in seconds, cost in US dollars), an Inspect log, a
    promptfoo output or an OpenAI evals log; NAME is the model, prompt or version that answered.
    """
    from generator import pipeline
    from generator.answers import show_taken_in
    from generator.store import Store

    named = _named(files, "candidate", "gpt=answers.jsonl")
    with Store.open(project) as store:
        taken, checked = pipeline.take_in_answers(store, named, replace=replace)
        candidates = store.candidates()
    if as_json:
        show_json({"files": [each.as_json() for each in taken], "checks": checked.as_json()})
        return
    show_taken_in(taken, checked)
    click.echo(f"next: {_next_with_answers(project, list(candidates))}", err=True)


@cli.command()
@_project
@click.argument("a")
@click.argument("b")
@click.option("--require", metavar="RULE", help='A ship rule, for example "A >= B - 0.02", with the names of the two.')
@click.option("--confidence", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True)
@click.option(
    "--looks",
    type=click.IntRange(1, 100),
    default=1,
    metavar="N",
    help="How often you mean to look and stop once it can tell: wider intervals, that mislead no more than one look.",
)
@click.option("--benchmark", "benchmarks", multiple=True, metavar="NAME=FILE", help="Also say what this one reaches.")
@_as_json
def decide(
    project: Path,
    a: str,
    b: str,
    require: str | None,
    confidence: float,
    looks: int,
    benchmarks: Sequence[str],
    as_json: bool,
) -> int:
    """What the evidence says of two candidates, with intervals, or that it cannot tell.

    With --require the exit code is a gate: 0 the rule is met, 1 it is not, 3 there is not enough evidence to say.
    """
    from generator import decision
    from generator.answers import show_decision
    from generator.config import Config
    from generator.evalset.looks import confidence_of_looks
    from generator.store import Store

    named = _named(benchmarks)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        found = decision.decide(
            store,
            Config.beside(project),
            narrator,
            (a, b),
            require=require,
            confidence=confidence_of_looks(looks, confidence),
            benchmarks=named,
        )
    if as_json:
        show_json(found.as_json())
    else:
        show_decision(found)
        click.echo(f"next: {found.next_command(project)}", err=True)
    return found.exit_code


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("groundset-demo"))
@click.option("--curate", "then_curate", is_flag=True, help="Open the review app at the end.")
def demo(folder: Path, then_curate: bool) -> None:
    """Everything on the sample logs, offline, without a key, in under a minute."""
    from generator import demonstration

    with TerminalNarrator() as narrator:
        project = demonstration.run(folder, narrator)
    if then_curate:
        os.execv(sys.executable, [sys.executable, "-m", "curation_tui", str(project)])  # noqa: S606


# What commands print -----------------------------------------------------------------------------


def _after(store: "Store", as_json: bool, people: Callable[[], None], programs: Any) -> None:
    if as_json:
        show_json(programs)
    else:
        people()
        _next(store)


def _next_with_answers(project: Path, candidates: Sequence[str]) -> str:
    """What to do once there are answers."""
    if len(candidates) < 2:
        return f"groundset answers {project} OTHER=FILE"
    from shlex import quote

    return f"groundset decide {project} {quote(candidates[0])} {quote(candidates[1])}"


def _next(store: "Store") -> None:
    from generator import pipeline

    click.echo(f"next: {pipeline.status(store).next}", err=True)


def _show_ingested(report: "IngestReport") -> None:
    for each in report.files:
        known = "; read before, nothing counted twice" if each.already else ""
        show(f"{each.name}: {each.layout}, {each.format} ({each.why}){known}")
        show(
            f"  read {each.read:,} = accepted {each.accepted:,} + repeated {each.repeated:,} "
            f"+ rejected {each.rejected:,}" + (f"; {each.joined:,} more are parts of these" if each.joined else "")
        )
        for reason, count in sorted(each.reasons.items(), key=lambda row: -row[1])[:_PROBLEMS]:
            show(f"  rejected {count:,}: {reason}")
    if report.redactions:
        show("redacted: " + ", ".join(f"{count} {kind}" for kind, count in sorted(report.redactions.items())))


def _show_explained(project: Path, explained: "Sequence[Explanation]") -> None:
    from generator.printable import one_line

    for each in explained:
        show(f"{each.name}: {each.layout}, {each.format} ({each.why})")
        for what, path in each.paths.items():
            show(f"  {what}: {path}")
        rejected = "".join(f", {count:,} rejected ({reason})" for reason, count in each.rejected.items())
        joined = f", {each.joined:,} more parts of these" if each.joined else ""
        show(f"  the first {each.records:,} records: {each.inputs:,} inputs{joined}{rejected}")
        for example in each.examples:
            show(f"  input at {example.position}" + (f", {example.seen_at}" if example.seen_at else ""))
            for message in example.messages:
                calls = "".join(f" [{call.name}({call.arguments})]" for call in message.tool_calls)
                context = " (context)" if message.context else ""
                show(f"    {message.role}{context}: {one_line(message.content + calls, 90)}")
            if example.answer:
                show(f"    -> {one_line(example.answer, 90)}")
            for name, value in example.signals.items():
                show(f"    {one_line(name, 40)} = {one_line(str(value), 60)}")
    names = " ".join(each.name for each in explained)
    click.echo(f"next: groundset ingest {project} {one_line(names, 80)}", err=True)


def _ingested_json(report: "IngestReport") -> dict[str, Any]:
    return {
        "files": [
            {
                "name": each.name,
                "layout": each.layout,
                "format": each.format,
                "read": each.read,
                "accepted": each.accepted,
                "repeated": each.repeated,
                "rejected": each.rejected,
                "joined": each.joined,
                "why": each.why,
                "reasons": dict(each.reasons),
                "already": each.already,
            }
            for each in report.files
        ],
        "redactions": dict(report.redactions),
    }


def _show_clusters(store: "Store", limit: int | None) -> None:
    from generator.evalset.listing import vanished_rows
    from generator.printable import one_line
    from generator.traffic.clustering import health

    found = store.clusters()
    _cluster_table(store, found[:limit])
    if limit is not None and len(found) > limit:
        rest = sum(each.weight for each in found[limit:])
        show(f"and {len(found) - limit} more with {percent(rest)} of the traffic: groundset clusters {store.path}")
    vanished = vanished_rows(store)
    for gone in vanished[:_PROBLEMS]:
        into = f", now in {one_line(gone['into_name'], 34)}" if gone["into_name"] is not None else ""
        show(f"vanished: {one_line(gone['name'], 34)} ({percent(gone['share'])} before){into}")
    if len(vanished) > _PROBLEMS:
        show(f"and {len(vanished) - _PROBLEMS} more vanished: groundset cluster {store.path} --json")
    if (warning := health(found)) is not None:
        show(warning)


def _with_damped(store: "Store", rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from generator.evalset.damping import damp

    damped = damp(store)
    return [row | {"damped_share": damped.shares[row["id"]], "users": damped.users[row["id"]]} for row in rows]


def _show_damped(store: "Store", limit: int | None) -> None:
    from generator.evalset.damping import damp
    from generator.printable import one_line

    damped = damp(store)
    show_table(
        ["#share", "#damped", "#users", "name"],
        [
            (
                percent(each.weight),
                percent(damped.shares[each.id]),
                f"{damped.users[each.id]:,}",
                one_line(each.name, 48),
            )
            for each in store.clusters()[:limit]
        ],
    )
    show(
        f"coverage   {percent(damped.coverage)} of the traffic as it came, "
        f"{percent(damped.damped_coverage)} with heavy users damped (a user's weight grows as the root of their inputs)"
    )
    if damped.unknown:
        show(f"no user is known of {damped.unknown:,} inputs; each counts for one")


def _cluster_table(store: "Store", found: Sequence["Cluster"]) -> None:
    from generator.evalset.listing import changes_of
    from generator.printable import one_line

    changed = changes_of(store)
    words = {
        each: change.word if change.word in {"new", "same"} else f"{change.word} ×{change.factor.estimate:.1f}"
        for each, change in changed.items()
    }
    exemplars = {each.id: trace.text for each in found for trace in store.traces(each.exemplar_ids[:1])}
    show_table(
        ["id", "#share", "#inputs", *(["change"] if changed else []), "name", "typical input"],
        [
            (
                each.id,
                percent(each.weight),
                f"{each.traces:,}",
                *([words.get(each.id, "")] if changed else []),
                one_line(each.name, 34),
                one_line(exemplars.get(each.id, ""), 42 if changed else 54),
            )
            for each in found
        ],
    )


def _show_drift(found: "Drift") -> None:
    from generator.printable import one_line

    changes = [(word, *each) for word in ("new", "grown", "shrunk") for each in found.of_word(word)]
    show(f"{percent(found.share)} of the traffic has come in since {found.since[:16]}")
    if changes:
        show_table(
            ["change", "id", "#before", "#since", "#factor", "name"],
            [
                (
                    word,
                    cluster,
                    percent(change.before),
                    percent(change.since),
                    f"×{change.factor.estimate:.1f} ({change.factor.low:.1f} to {change.factor.high:.1f})",
                    one_line(found.names[cluster], 40),
                )
                for word, cluster, change in changes
            ],
        )
    for gone in found.vanished[:_PROBLEMS]:
        show(f"vanished   {one_line(gone['name'], 40)} ({percent(gone['share'])} before)")
    same = len(found.of_word("same"))
    show(f"the same   {same:,} clusters" + (f"; {len(found.vanished):,} vanished" if found.vanished else ""))
    cover = found.coverage
    show(f"coverage   {percent(cover.then)} -> {percent(cover.now)}: {cover.reason}")
    show(
        f"           traffic {100 * cover.by_traffic:+.1f} points, samples {100 * cover.by_samples:+.1f} points "
        f"({cover.samples_new:,} new, {len(cover.samples_gone):,} gone)"
    )


def _clusters_json(store: "Store") -> dict[str, Any]:
    from generator.evalset.listing import cluster_rows, vanished_rows

    return {"clusters": cluster_rows(store), "vanished": vanished_rows(store)}


def _show_regrouped(store: "Store", as_json: bool, made: "Sequence[Cluster]") -> None:
    """The clusters that came of a person's split, join or rename."""
    from generator.evalset.listing import cluster_rows

    ids = {each.id for each in made}
    _after(
        store,
        as_json,
        lambda: _cluster_table(store, made),
        {"clusters": [row for row in cluster_rows(store) if row["id"] in ids]},
    )


def _dry_run(store: "Store", as_json: bool) -> int:
    from generator.evalset.checking import dry_run

    found = dry_run(store)
    if as_json:
        show_json(found.as_json())
    else:
        show(f"{found.samples} samples would go out: " + ", ".join(f"{n} {o}" for o, n in found.by_origin.items()))
        for check in found.checks:
            show(
                f"  {'ok  ' if check.passed else 'FAIL'} {check.name}: {check.detail} {' '.join(check.items)}".rstrip()
            )
        for reason, count in found.left_out.items():
            show(f"  left out: {count} {reason}")
    return 0 if found.passed else 1


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


def _show_outcome(found: "Outcome") -> None:
    """What came of blind sessions on one candidate, or two."""
    from generator.printable import one_line

    words = {"same": "no difference", "both_bad": "both bad"} | {each: f"{each} better" for each in found.candidates}
    show_table(["said", "#times"], [(one_line(words.get(said, said), 50), f"{n:,}") for said, n in found.said.items()])
    if found.rate is not None:
        low_to_high = f"{percent(found.rate.low)} to {percent(found.rate.high)}"
        does = "wins" if len(found.candidates) == 2 else "passes"
        rate = f"{percent(found.rate.estimate)} ({low_to_high}) of {found.items:,} items, unweighted"
        show(f"{one_line(found.candidates[0], 40)} {does} {rate}")
    if found.left_preferred[1]:
        preferred, of = found.left_preferred
        show(f"the answer on the left was preferred {preferred:,} of {of:,} times")
    for own in found.noticed:
        show(f"planted pairs noticed by {one_line(own.actor, 30)}: {own.noticed} of {own.planted}")
    for pair in found.agreements:
        measured = (
            "" if pair.ac1 is None else f", AC1 {pair.ac1.estimate:.2f} ({pair.ac1.low:.2f} to {pair.ac1.high:.2f})"
        )
        show(
            f"{one_line(pair.first, 30)} and {one_line(pair.second, 30)}: {pair.agreed} of {pair.items} alike{measured}"
        )
    if found.against_programs:
        show(f"people and programs, or the file, differ on: {', '.join(found.against_programs[:_PROBLEMS])}")
    show(f"about {found.left:,} are left")


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


def _show_drafted(project: Path, report: "DraftingReport", narrator: TerminalNarrator) -> None:
    narrator.close()
    known = f" ({report.known:,} were there)" if report.known else ""
    show(f"drafted {report.new:,} with {report.model}{known}, spent {money(report.spent_usd)}")
    for outcome, count in sorted(report.calls.items()):
        if outcome != "ok":
            show(f"  {count} calls ended with: {outcome}")
    for problem in report.problems[:_PROBLEMS]:
        show(f"  {problem}")
    if len(report.problems) > _PROBLEMS:
        show(f"  and {len(report.problems) - _PROBLEMS} more like these")
    _show_in_doubt(project, report.in_doubt)
    if report.stopped:
        show(f"  stopped early: {report.stopped}")


def _show_shadow(project: Path, report: "ShadowReport") -> None:
    if report.left_out:
        show(f"{report.left_out:,} items call tools that the logs do not describe: answer them with your own harness")
    for each in report.asked:
        known = f" ({each.known:,} were there)" if each.known else ""
        show(f"{each.candidate}: {each.new:,} answers to {report.items:,} items{known}, spent {money(each.spent_usd)}")
        for outcome, count in each.calls.items():
            if outcome != "ok":
                show(f"  {count} calls ended with: {outcome}")
        if each.stopped:
            show(f"  stopped early: {each.stopped}")
    _show_in_doubt(project, report.in_doubt)


def _show_in_doubt(project: Path, calls: "Sequence[InDoubt]") -> None:
    asked = [call for call in calls if call.purpose == "shadow"]
    models = "".join(f" --model {name}" for name in sorted({call.model for call in asked}))
    drafting = [call for call in calls if call.purpose != "shadow"]
    for own, command in ((drafting, f"draft {project}"), (asked, f"shadow {project}{models}")):
        if own:
            most = money(sum(call.usd for call in own))
            show(f"  {len(own)} calls may have been billed without an answer (at most {most});")
            show(f"  repeat them with: groundset {command} --retry-in-doubt")


def _draft_more(
    store: "Store",
    config: "Config",
    narrator: TerminalNarrator,
    only: str,
    price: tuple[float, float] | None,
    *,
    yes: bool,
    retry_in_doubt: bool,
    only_estimate: bool,
) -> None:
    from generator import pipeline
    from generator.rounds import more_for

    asks = (more_for(store, config, only),)
    if only_estimate:
        show(_estimate_line(pipeline.estimate(store, config, price, names=False, asks=asks)))
        return
    _ask_before_spending(store, config, price, yes=yes, names=False, asks=asks)
    report = pipeline.draft(store, config, narrator, price=price, retry_in_doubt=retry_in_doubt, asks=asks, names=False)
    _show_drafted(store.path, report, narrator)
    _next(store)


def _draft_until(
    store: "Store",
    config: "Config",
    narrator: TerminalNarrator,
    until: float,
    min_gain: float | None,
    price: tuple[float, float] | None,
    *,
    yes: bool,
    retry_in_doubt: bool,
    names: bool,
) -> None:
    from generator import pipeline, rounds

    if config.max_cost is None and not yes and pipeline.estimate(store, config, price).price != "free":
        raise ConfigError("Rounds go on until the drafts could cover enough; set a cap with --max-cost USD, or --yes.")
    report = rounds.draft_until(
        store,
        config,
        narrator,
        until,
        min_gain=rounds.MIN_GAIN if min_gain is None else min_gain,
        price=price,
        retry_in_doubt=retry_in_doubt,
        names=names,
        tell=lambda result: show(result.line),
    )
    for problem in report.problems[:_PROBLEMS]:
        show(f"  {problem}")
    _show_in_doubt(store.path, report.in_doubt)
    show(f"stopped: {report.stopped}")
    _next(store)


def _show_prompts(prompts: "Sequence[ShownPrompt]") -> None:
    for number, prompt in enumerate(prompts, start=1):
        show(f"=== call {number} of {len(prompts)}, to {prompt.model}, answer in schema {prompt.schema} ===")
        show(f"=== system ===\n{prompt.system}")
        show(f"=== user ===\n{prompt.user}")


def _show_track_records(project: Path, store: "Store", as_json: bool) -> None:
    from generator import pipeline
    from generator.config import Config
    from generator.drafting.track_record import marked_rows, record_lines

    with TerminalNarrator() as narrator:
        records = pipeline.track_records(store, Config.beside(project), narrator)
    if as_json:
        rows = list(marked_rows(store.drafts(), store.marks()))
        show_json({"prompts": [each.as_json() for each in records], "marks": rows})
        return
    for record in records:
        for line in record_lines(record):
            show(line)
    if not records:
        show("nothing was drafted yet")


def _spending_line(spending: "Spending") -> str:
    parts = [f"drafting {money(spending.drafting)}", f"names {money(spending.naming)}"]
    parts += [f"answers {money(spending.shadow)}"] * (spending.shadow > 0)
    if spending.per_accepted_sample_usd is not None:
        parts.append(f"{money(spending.per_accepted_sample_usd)} for each accepted draft")
    if spending.reserved_usd:
        parts.append(f"{money(spending.reserved_usd)} held for calls under way")
    if spending.in_doubt_usd:
        parts.append(f"{money(spending.in_doubt_usd)} held for calls in doubt")
    return ", ".join(parts)


def _show_named(store: "Store", report: "NamingReport") -> None:
    show(f"named {report.named} clusters with {report.model}, spent {money(report.spent_usd)}")
    for cluster_id, reason in list(report.refused.items())[:_PROBLEMS]:
        show(f"  {cluster_id} keeps its name: {reason}")
    for outcome, count in report.calls.items():
        if outcome != "ok":
            show(f"  {count} calls ended with: {outcome}")
    if report.stopped:
        show(f"  stopped early: {report.stopped}")
    _show_clusters(store, limit=15)


def _collect(
    store: "Store", config: "Config", narrator: TerminalNarrator, price: tuple[float, float] | None, *, wait: bool
) -> None:
    from generator import pipeline

    reports = pipeline.collect_batches(store, config, narrator, price=price, wait=wait)
    narrator.close()
    if not reports:
        show(f"no batch is under way; hand one over with: groundset draft {store.path} --batch")
    for report in reports:
        _show_batch(store.path, report)
    _next(store)


def _show_batch(project: Path, report: "BatchReport") -> None:
    """What handing over, or reading, batches did."""
    if report.submitted:
        show(f"handed over {report.submitted:,} calls to {report.model}")
    if report.ended:
        rows = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in report.rows.items())
        show(f"read {report.ended} batches of {report.model}: {rows}")
        show(f"drafted {report.new:,}, spent {money(report.spent_usd)}")
    for each in report.under_way:
        note = f" ({each.note})" if each.note else ""
        show(
            f"  {each.id or 'a batch'} since {each.created_at[:16]}: {each.done:,} of {each.calls:,} calls done, "
            f"at most {money(each.reserved_usd)}{note}"
        )
    if report.under_way:
        show(f"  read the results, within a day, with: groundset draft {project} --collect")
    for problem in report.problems[:_PROBLEMS]:
        show(f"  {problem}")
    if report.in_doubt:
        most = money(sum(call.usd for call in report.in_doubt))
        show(f"  {len(report.in_doubt)} calls may have been billed without an answer (at most {most})")
    if report.stopped:
        show(f"  stopped early: {report.stopped}")
    elif not (report.submitted or report.ended or report.under_way):
        show(f"{report.model}: every call is answered; there is nothing to hand over")


def _estimate_line(found: "Estimate") -> str:
    known = f", {found.known} answered before or under way" if found.known else ""
    known = (f" ({found.names} for names)" if found.names else "") + known
    if found.price == "free":
        return f"{found.model}: {found.calls} calls{known}, free"
    return (
        f"{found.model}: {found.calls} calls{known}, about {found.input_tokens:,} tokens in and "
        f"{found.output_tokens:,} out: {money(found.low_usd)}, at most {money(found.high_usd)}"
    )


def _ask_before_spending(
    store: "Store",
    config: Any,
    price: tuple[float, float] | None,
    *,
    yes: bool,
    names: bool = True,
    only_names: bool = False,
    batch: bool = False,
    asks: "Sequence[Ask]" = (),
) -> None:
    """Spending is the one thing that is asked; a cap, `--yes`, or nothing to pay answers it."""
    from generator import pipeline

    if not store.clusters():
        return
    if only_names:
        found = pipeline.estimate_naming(store, config, price)
    else:
        found = pipeline.estimate(store, config, price, names=names, batch=batch, asks=asks)
    _confirm_spending([found], yes=yes or config.max_cost is not None)


def _confirm_spending(estimates: "Sequence[Estimate]", *, yes: bool) -> None:
    paid = [each for each in estimates if each.calls and each.price != "free"]
    if not paid:
        return
    for each in paid:
        click.echo(_estimate_line(each), err=True)
    click.echo("Redacted texts of your logs go to this provider.", err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("This would cost money; say --yes, or set a cap with --max-cost USD.")
    click.confirm("Go on?", abort=True, err=True)
