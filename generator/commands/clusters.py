"""`clusters` and `drift`, and what people do to clusters: `split`, `join`, `rename`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.commands.endings import PROBLEMS, finish
from generator.commands.options import actor_option, json_option, project_argument
from generator.narration import percent, show, show_json, show_table

if TYPE_CHECKING:
    from generator.evalset.drift import Drift
    from generator.records import Cluster
    from generator.store import Store


@click.command()
@project_argument
@click.option("--limit", type=click.IntRange(1), help="Only the largest.")
@click.option(
    "--per-trace", type=click.Path(path_type=Path), metavar="OUT.jsonl", help="Also write every trace's cluster."
)
@click.option("--damp-users", is_flag=True, help="Also show shares in which heavy users weigh less.")
@json_option
def clusters(project: Path, limit: int | None, per_trace: Path | None, damp_users: bool, as_json: bool) -> None:
    """The clusters, by traffic."""
    from generator.evalset.listing import cluster_rows, write_per_trace
    from generator.store import Store

    with Store.open(project) as store:
        if per_trace is not None:
            count = write_per_trace(store, per_trace)
            click.echo(f"{count:,} distinct traces -> {per_trace}", err=True)
        if as_json:
            rows = cluster_rows(store)[:limit]
            show_json(_with_damped(store, rows) if damp_users else rows)
        elif damp_users:
            _show_damped(store, limit)
        elif per_trace is None:
            show_clusters(store, limit)


@click.command()
@project_argument
@json_option
def drift(project: Path, as_json: bool) -> None:
    """What changed since the last logs: clusters new, grown, shrunk or gone, and coverage, with the reason."""
    from generator.evalset.drift import drift as find_drift
    from generator.store import Store

    with Store.open(project) as store:
        found = find_drift(store)
        finish(store, as_json, lambda: _show_drift(found), found.as_json())


@click.command("split")
@project_argument
@click.argument("cluster")
@click.option("--into", type=click.IntRange(2), default=2, show_default=True, metavar="N", help="Into how many.")
@actor_option
@json_option
def split_cluster(project: Path, cluster: str, into: int, actor: str, as_json: bool) -> None:
    """Divide a cluster, named by id or name; every later clustering keeps the parts apart."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        made = pipeline.split(store, cluster, into, actor)
        _show_regrouped(store, as_json, made)


@click.command("join")
@project_argument
@click.argument("clusters", nargs=-1, required=True)
@actor_option
@json_option
def join_clusters(project: Path, clusters: Sequence[str], actor: str, as_json: bool) -> None:
    """Make several clusters one; every later clustering keeps them together."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        made = pipeline.join(store, clusters, actor)
        _show_regrouped(store, as_json, made)


@click.command("rename")
@project_argument
@click.argument("cluster")
@click.argument("name")
@actor_option
@json_option
def rename_cluster(project: Path, cluster: str, name: str, actor: str, as_json: bool) -> None:
    """Give a cluster a name that it keeps."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        made = pipeline.rename(store, cluster, name, actor)
        _show_regrouped(store, as_json, made)


def show_clusters(store: "Store", limit: int | None) -> None:
    """The clusters by traffic, with what became of them since the last logs."""
    from generator.evalset.listing import vanished_rows
    from generator.printable import one_line
    from generator.traffic.clustering import health

    found = store.clusters()
    _cluster_table(store, found[:limit])
    if limit is not None and len(found) > limit:
        rest = sum(each.weight for each in found[limit:])
        show(f"and {len(found) - limit} more with {percent(rest)} of the traffic: groundset clusters {store.path}")
    vanished = vanished_rows(store)
    for gone in vanished[:PROBLEMS]:
        into = f", now in {one_line(gone['into_name'], 34)}" if gone["into_name"] is not None else ""
        show(f"vanished: {one_line(gone['name'], 34)} ({percent(gone['share'])} before){into}")
    if len(vanished) > PROBLEMS:
        show(f"and {len(vanished) - PROBLEMS} more vanished: groundset cluster {store.path} --json")
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
    for gone in found.vanished[:PROBLEMS]:
        show(f"vanished   {one_line(gone['name'], 40)} ({percent(gone['share'])} before)")
    same = len(found.of_word("same"))
    show(f"the same   {same:,} clusters" + (f"; {len(found.vanished):,} vanished" if found.vanished else ""))
    cover = found.coverage
    show(f"coverage   {percent(cover.then)} -> {percent(cover.now)}: {cover.reason}")
    show(
        f"           traffic {100 * cover.by_traffic:+.1f} points, samples {100 * cover.by_samples:+.1f} points "
        f"({cover.samples_new:,} new, {len(cover.samples_gone):,} gone)"
    )


def clusters_json(store: "Store") -> dict[str, Any]:
    """What `--json` prints of them."""
    from generator.evalset.listing import cluster_rows, vanished_rows

    return {"clusters": cluster_rows(store), "vanished": vanished_rows(store)}


def _show_regrouped(store: "Store", as_json: bool, made: "Sequence[Cluster]") -> None:
    """The clusters that came of a person's split, join or rename."""
    from generator.evalset.listing import cluster_rows

    ids = {each.id for each in made}
    finish(
        store,
        as_json,
        lambda: _cluster_table(store, made),
        {"clusters": [row for row in cluster_rows(store) if row["id"] in ids]},
    )
