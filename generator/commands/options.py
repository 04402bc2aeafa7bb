"""Arguments and options that several commands share."""

import getpass
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.errors import ConfigError

if TYPE_CHECKING:
    from generator.logs.ingestion import Reading


_Command = Callable[..., Any]


project_argument = click.argument("project", type=click.Path(path_type=Path))


logs_argument = click.argument("logs", nargs=-1, required=True)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


actor_option = click.option(
    "--as",
    "actor",
    callback=lambda _context, _option, name: name or getpass.getuser(),
    help="Who decides (your login name).",
)


def _options(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


ingest_options = _options(
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


def reading_of(
    format: str, field: str | None, unit: Any, no_redact: bool, redact_also: Sequence[str], redact_names: bool
) -> "Reading":
    """How logs are to be read, from the options that say so."""
    from generator.logs.ingestion import Reading
    from generator.logs.redaction import Masking

    return Reading(format, field, unit, Masking(not no_redact, tuple(redact_also), redact_names))


encoder_option = click.option(
    "--encoder",
    help="auto, minilm, minilm-int8 (faster on processors with VNNI), lexical, openai/MODEL, or a "
    "sentence-transformers name or folder.",
)


clusters_option = click.option("--clusters", help="auto, or how many.")


min_users_option = click.option(
    "--min-users",
    type=click.IntRange(1),
    metavar="K",
    help="Neither show nor draft from clusters of fewer than K users (conversations, where no user is logged).",
)


call_options = _options(
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


model_options = _options(
    click.option("--model", help="anthropic/NAME, openai/NAME or offline (rules, no model)."),
    call_options,
)


draft_options = _options(
    model_options,
    click.option("--per-cluster", type=click.IntRange(1, 50), help="Drafts asked for per cluster (4)."),
    click.option("--no-names", is_flag=True, help="Leave the clusters the names made of their phrases."),
)


evals_option = click.option(
    "--evals", multiple=True, metavar="FILE", help="An existing evaluation set; without it, the accepted samples."
)


def named_files(
    pairs: Sequence[str], what: str = "benchmark", example: str = "mmlu=mmlu.jsonl"
) -> list[tuple[str, str]]:
    """Names and files from NAME=FILE."""
    named = [(name, file) for name, equals, file in (each.partition("=") for each in pairs) if equals and file]
    if len(named) != len(pairs):
        raise ConfigError(f"Name each {what} and its file, for example: {example}")
    return named


def cluster_count(value: str | None) -> int | None:
    """How many clusters were asked for; None for auto."""
    if value is None or value == "auto":
        return None
    if not value.isdigit() or value == "0":
        raise ConfigError(f"--clusters is {value!r}; give a number of clusters, or auto.")
    return int(value)
