"""The `groundset` command: one subcommand a stage, no logic."""

import os
import sys

import click

from generator.commands import clusters, drafting, evidence, exporting, judging, overview, reviewing, stages
from generator.errors import GroundsetError

_BUG = 70


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


_COMMANDS = (
    *(stages.ingest, stages.embed, stages.cluster, stages.rank, stages.run, stages.demo),
    *(drafting.draft, drafting.name_clusters),
    *(clusters.clusters, clusters.drift, clusters.split_cluster, clusters.join_clusters, clusters.rename_cluster),
    *(reviewing.curate, reviewing.accept, reviewing.reject, reviewing.later, reviewing.undo, reviewing.redo),
    *(reviewing.edit_draft, reviewing.pin_real, reviewing.tag_drafts, reviewing.note_drafts, reviewing.flag_drafts),
    *(reviewing.list_drafts, reviewing.plant, reviewing.agreement, reviewing.merge),
    *(judging.shadow, judging.take_in_answers, judging.judge_answers, judging.reveal_names, judging.decide),
    *(evidence.gaps, evidence.covers, evidence.mirage, evidence.score, evidence.report),
    *(overview.status, exporting.export),
)
for _command in _COMMANDS:
    cli.add_command(_command)
