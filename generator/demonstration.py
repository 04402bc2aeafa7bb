"""`groundset demo`: the whole job on the sample logs, offline and without a key."""

from importlib.resources import as_file, files
from pathlib import Path

from generator import assessment, pipeline
from generator.config import Config
from generator.errors import LogError
from generator.evalset.deciding import decide
from generator.evalset.exporting import export
from generator.narration import percent, show, show_table
from generator.pipeline import Narrator
from generator.printable import one_line
from generator.store import Store

LOGS = ("support_assistant.jsonl", "travel_agent.jsonl", "search_box.txt")
EVALS = "existing_evals.jsonl"
_ACCEPTED = 40


def run(folder: Path, narrator: Narrator) -> Path:
    """Run every stage in `folder` and show what each one found; returns the project file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LogError(f"{folder} cannot be made: {error.strerror}; name another folder: groundset demo DIR") from error
    project = folder / "demo.groundset"
    config = Config(model="offline")
    with as_file(files("seeds")) as seeds, Store.open(project, create=True) as store:
        logs = [str(seeds / name) for name in LOGS]
        store.set_meta("demo", "yes")  # the app shows its tour there, once
        report = pipeline.ingest(store, logs, narrator)
        show("1. Logs of three applications come in, personal data masked")
        for each in report.files:
            show(
                f"   {Path(each.name).name:<26} read {each.read:>4} = accepted {each.accepted:>3} "
                f"+ repeated {each.repeated:>3} + rejected {each.rejected:>2}   {each.format}"
            )
        show("   masked: " + ", ".join(f"{count} {kind}" for kind, count in store.redactions().items()))
        pipeline.cluster(store, config, narrator)
        _show_clusters(store)
        drafted = pipeline.draft(store, config, narrator)
        pipeline.rank(store, config, narrator)
        show(f"3. {drafted.new + drafted.known} drafts made by rule (no model), and real inputs beside them")
        _accept(store)
        _export(store, folder)
        _show_gaps(store, config, narrator, seeds / EVALS)
    show()
    show(f"Your turn: groundset curate {project}")
    show("Your logs: groundset run support.groundset LOGS...")
    return project


def _show_clusters(store: Store, limit: int = 8) -> None:
    found = store.clusters()
    show(f"2. {len(found)} clusters (encoder: {store.meta('encoder')}); the largest:")
    typical = {each.id: trace.text for each in found[:limit] for trace in store.traces(each.exemplar_ids[:1])}
    show_table(
        ["  ", "#share", "name", "typical input"],
        [
            ("  ", percent(each.weight), one_line(each.name, 32), one_line(typical.get(each.id, ""), 60))
            for each in found[:limit]
        ],
    )


def _show_gaps(store: Store, config: Config, narrator: Narrator, evals: Path) -> None:
    show("6. The traffic looked at trace by trace: what a set made by hand tests of it, and what the new one")
    world = assessment.open_world(store, config, narrator)
    for what, evals_given in (("26 items by hand", [str(evals)]), ("the new samples", [])):
        found = assessment.gaps(store, config, narrator, evals_given, 0.1, world).gaps
        names = {cluster.id: cluster.name for cluster in store.clusters()}
        worst = ", ".join(one_line(names[gap.cluster_id], 24) for gap in found.clusters[:3])
        show(f"   {what:<17} tests {percent(found.coverage.estimate):>6}; largest gaps: {worst}")


def _accept(store: Store) -> None:
    if store.counts().samples == 0:
        # Stands in for an hour of a person's work; the events say who it was.
        decided = decide(store, "accept", (), best=_ACCEPTED, reason=None, actor="demo")
        show(
            f"4. The first {len(decided.draft_ids)} of the queue accepted: coverage "
            f"{percent(decided.before)} -> {percent(decided.after)} of the traffic"
        )
    else:
        show(f"4. {store.counts().samples} samples were accepted before; they stay as they are")


def _export(store: Store, folder: Path) -> None:
    show("5. The evaluation set goes out")
    for tool in ("jsonl", "inspect", "promptfoo"):
        written = export(store, folder / tool, tool)
        show(f"   {written.samples} samples -> {written.path} ({', '.join(written.files)})")
