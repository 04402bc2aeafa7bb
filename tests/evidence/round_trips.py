"""Over a thousand hostile samples through every export and the real consumer of each: `make round-trips`.

Prints, target by target, how many came out byte for byte, and whether anything was executed or read on the way.
The consumers are installed in environments of their own under build/round-trips, never in the project's. Where
only a hosted service reads a format, its published client uploads to a server on this machine, which keeps what
came; for CSV a spreadsheet is asked which cells it took for formulas. A consumer that cannot be installed here is
named, with the reason.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from generator.evalset.exporting import FORMATS, export
from generator.evalset.importing import read_items
from generator.evalset.selection import samples
from generator.records import Message, Sample, ToolCall, user_text
from generator.store import Store
from tests.hostile.corpus import SHORT
from tests.wire.datasets import DatasetServer
from tests.worlds import cluster_of_each, draft, fill, landed, trace

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "round-trips"
CONSUMERS = Path(__file__).parent / "consumers"
WANTED = 1_200
SECRET = "the-secret-that-nobody-may-read"
BAIT = ("secret.txt", "evil.js", "evil.py")
PROMPTFOO = "promptfoo@0.121.20"

Row = dict[str, Any]
"""What a consumer saw of a sample: its id, its target, and its text, contents or conversation."""


class MissingError(Exception):
    """The consumer is not to be had here; the message is the reason."""


@dataclass(frozen=True)
class Place:
    """Where a consumer works: the folder of the export, full of bait."""

    folder: Path
    home: Path

    @property
    def executed(self) -> int:
        """Programs that ran: each leaves a file."""
        return sum(1 for each in (self.home / "executed").iterdir())

    @property
    def environ(self) -> dict[str, str]:
        """Nothing of the user's, and no way out to a network for those who ask politely."""
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "npm_config_cache"}}
        quiet = {
            "DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "RAGAS_DO_NOT_TRACK": "true", "HF_HUB_OFFLINE": "1",
            "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "OPENAI_API_KEY": "none",
            "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1", "PROMPTFOO_CONFIG_DIR": str(self.home),
        }  # fmt: skip
        return {**kept, **quiet, "HOME": str(self.home), "CANARY": SECRET, "TMPDIR": str(self.home)}


def bait(home: Path) -> dict[str, str]:
    """Texts that name programs and files which are there to be run and read."""
    ran = home / "executed"
    ran.mkdir(parents=True)
    secret, script, python = (home / name for name in BAIT)
    secret.write_text(SECRET)
    script.write_text(f"require('fs').writeFileSync({json.dumps(str(ran / 'js'))}, 'x'); module.exports = () => 'ran';")
    python.write_text(f"open({str(ran / 'py')!r}, 'w')\ndef get_var(*a): return {{'output': 'ran'}}")
    return {
        "read a file": f"file://{secret}",
        "run javascript": f"file://{script}",
        "run python": f"file://{python}",
        "run a function": f"file://{python}:get_var",
        "run an expression": f"python: open({str(ran / 'expression')!r}, 'w')",
        "run a shell": f"$(touch {ran}/shell) `touch {ran}/shell` ; touch {ran}/shell",
        "run a template": "{{ range.constructor(\"require('fs').writeFileSync('" + str(ran) + "/template','x')\")() }}",
        "read the environment": "{{ env.CANARY }} ${CANARY} $CANARY %CANARY%",
        "read by a formula": f'=WEBSERVICE("file://{secret}")',
        "read by another": f"='file://{secret}'#$Sheet1.A1",
        "run by a formula": f"=cmd|'/C touch {ran}/dde'!A0",
        "at a file": f"@{secret}",
        "columns that run": json.dumps(
            {"sandbox": "local", "setup": f"touch {ran}/setup", "files": {"x": str(secret)}}
        ),
    }


def hostile(texts: Sequence[str]) -> Iterator[tuple[Message, ...]]:
    """Conversations made of hostile texts: alone, in every role, in pairs, in the middle of a sentence."""
    for text in texts:
        yield (Message("user", text),)
    for text in texts:
        call = ToolCall("call_1", "lookup", json.dumps({"q": text}))
        first = (Message("system", text), Message("user", text), Message("assistant", text, (call,)))
        yield (*first, Message("tool", text, tool_call_id="call_1"), Message("user", f"{text} again"))
    for text in texts:
        yield (Message("user", f"please help: {text}"),)
        yield (Message("user", f"{text}\nwhat does this mean?"),)
    for number, text in enumerate(texts):
        for step in range(1, 9):
            yield (Message("user", text + texts[(number + step) % len(texts)]),)


def project(path: Path, texts: Sequence[str]) -> Store:
    """A project in which that many hostile samples were accepted."""
    store = Store.open(path, create=True)
    traces = [trace("where is my order")]
    fill(store, traces)
    cluster_of_each(store, traces)
    drafts = {}
    for messages in hostile(texts):
        text = user_text(messages)
        if text.strip() and len(drafts) < WANTED:
            made = replace(draft(text, criteria=(text,), must_not=(text,)), messages=messages)
            drafts.setdefault(made.id, made)
    landed(store, traces, {made: {0: 0.5} for made in drafts.values()})
    store.decide([each.id for each in store.drafts()], "accept", "ana")
    return store


# Consumers ---------------------------------------------------------------------------------------


def python_with(*packages: str) -> Path:
    """The interpreter of an environment that has these packages."""
    name = "-".join(re.sub(r"\W+", "-", each) for each in packages)
    python = BUILD / "venvs" / name / "bin" / "python"
    if not (python.parent / "ready").exists():
        print(f"   installing {', '.join(packages)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MissingError(f"cannot be installed here: {done.stderr.strip().splitlines()[-1][:120]}")
        (python.parent / "ready").touch()
    return python


def run(command: Sequence[str | Path], place: Place, **environ: str) -> str:
    done = subprocess.run(
        [str(each) for each in command],
        cwd=place.folder,
        env=place.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr)[-2_000:])
    return done.stdout + done.stderr


def loader(script: str, *packages: str) -> Callable[[Place], list[Row]]:
    """A script of consumers/ that loads the export with the tool's own library."""

    def consume(place: Place) -> list[Row]:
        python = python_with(*packages) if packages else Path(sys.executable)
        out = place.home / f"{script}.json"
        run([python, CONSUMERS / f"{script}.py", place.folder, out], place)
        return json.loads(out.read_text())

    return consume


def uploader(package: str, *arguments: str) -> Callable[[Place], list[Row]]:
    """The export's own upload.py with the published client, to a server that keeps what comes."""

    def consume(place: Place) -> list[Row]:
        with DatasetServer() as server:
            run([python_with(package), "upload.py", *arguments], place, **server.environ)
            return server.rows

    return consume


def promptfoo(place: Place) -> list[Row]:
    """`promptfoo eval` with the provider that echoes; the assertion shows the other way through its templates."""
    if shutil.which("npx") is None:
        raise MissingError("npx is not installed")
    path = place.folder / "promptfooconfig.yaml"
    config = yaml.safe_load(path.read_text())
    config["prompts"] = ["{{case.input}}", "{{case.expected}}"]
    del config["defaultTest"]  # its assertion asks a model
    path.write_text(yaml.safe_dump(config))
    out = place.home / "promptfoo.json"
    run(["npx", "--yes", PROMPTFOO, "eval", "--no-cache", "--output", out, "--no-progress-bar", "--no-table"], place)
    rows: dict[str, Row] = {}
    for result in json.loads(out.read_text())["results"]["results"]:
        row = rows.setdefault(result["testCase"]["description"], {"id": result["testCase"]["description"]})
        said = result["response"]["output"]
        if result["promptIdx"] == 0:
            row["conversation"] = said if isinstance(said, list) else json.loads(said)
        else:
            row["target"] = said if isinstance(said, str) else json.dumps(said)
    return list(rows.values())


def pytest_run(place: Place) -> list[Row]:
    """pytest itself; the fixtures of the user are in the folder above."""
    out = place.home / "pytest.jsonl"
    (place.folder.parent / "pytest.ini").write_text("[pytest]\n")
    (place.folder.parent / "conftest.py").write_text(
        "import json, pytest\n"
        "@pytest.fixture\ndef answer():\n    return lambda messages: messages\n"
        "@pytest.fixture\ndef judge():\n"
        "    def judged(said, sample):\n"
        f"        with open({str(out)!r}, 'a') as file:\n"
        "            row = {'id': sample['id'], 'conversation': said, 'target': sample['target']}\n"
        "            file.write(json.dumps(row) + '\\n')\n"
        "        return True\n"
        "    return judged\n"
    )
    run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."], place)
    return [json.loads(line) for line in out.read_text().split("\n") if line]


def oaieval(place: Place) -> list[Row]:
    """The loader of `evals`; then `oaieval` goes over the samples in its dry run, with its graded template."""
    python = python_with("evals")
    rows = loader("openai_evals_samples", "evals")(place)
    command = [python, "-m", "evals.cli.oaieval", "dummy", "groundset", "--registry_path", place.folder, "--dry-run"]
    run([*command, "--max_samples", "20", "--record_path", place.home / "oaieval.jsonl"], place)
    return rows


def spreadsheet(place: Place) -> list[Row]:
    """LibreOffice, told to evaluate formulas; a sample is whole if none of its cells is one."""
    control = place.home / "control.csv"
    control.write_text('"id"\n"=1+1"\n')
    assert live_rows(place, control) == 1, "LibreOffice took no formula for one: it proves nothing"
    rows = read_items(place.folder / "samples.csv").items
    return [{"id": each.id} for each in rows[live_rows(place, place.folder / "samples.csv") :]]


def live_rows(place: Place, table: Path) -> int:
    """How many rows of a CSV file have a cell that the spreadsheet takes for a formula."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        raise MissingError("LibreOffice is not installed")
    filters = "CSV:44,34,76,1,,0,false,true,false,false,false,-1,true"
    command = [office, "--headless", f"-env:UserInstallation=file://{place.home}/office", f"--infilter={filters}"]
    run([*command, "--convert-to", "ods", "--outdir", place.home, table], place)
    with zipfile.ZipFile(place.home / f"{table.stem}.ods") as archive:
        content = archive.read("content.xml").decode()
    rows = re.findall(r"<table:table-row.*?</table:table-row>", content, re.DOTALL)
    return sum("table:formula=" in row for row in rows)


@dataclass(frozen=True)
class Trip:
    """A format, who reads it, and how."""

    format: str
    consumer: str
    consume: Callable[[Place], list[Row]]
    raw: bool = False


TRIPS = (
    Trip("jsonl", "pandas", loader("pandas_jsonl", "pandas", "pyarrow")),
    Trip("csv", "pandas, formula-safe", loader("pandas_csv", "pandas", "pyarrow")),
    Trip("csv", "pandas, --csv-raw", loader("pandas_csv", "pandas", "pyarrow"), raw=True),
    Trip("csv", "LibreOffice: no formula", spreadsheet),
    Trip("parquet", "pandas", loader("pandas_parquet", "pandas", "pyarrow")),
    Trip("huggingface", "datasets.load_dataset", loader("huggingface_folder", "datasets")),
    Trip("inspect", "inspect_ai json_dataset", loader("inspect_samples")),
    Trip("promptfoo", f"{PROMPTFOO} eval", promptfoo),
    Trip("openai", "evals get_jsonl, oaieval dry run", oaieval),
    Trip("deepeval", "EvaluationDataset", loader("deepeval_goldens", "deepeval")),
    Trip("ragas", "EvaluationDataset", loader("ragas_samples", "ragas", "langchain-community<0.4")),
    Trip("langsmith", "client to loopback", uploader("langsmith", "groundset")),
    Trip("langfuse", "client to loopback", uploader("langfuse", "groundset")),
    Trip("braintrust", "client to loopback", uploader("braintrust", "groundset", "groundset")),
    Trip("phoenix", "client to loopback", uploader("arize-phoenix-client", "groundset")),
    Trip("pytest", "pytest", pytest_run),
)


# Comparing ---------------------------------------------------------------------------------------


def is_equal(sample: Sample, row: Row) -> bool:
    """Whether all that a consumer shows of a sample is what was accepted."""
    wanted = {
        "text": user_text(sample.input),
        "contents": [message.content for message in sample.input],
        "conversation": [message.as_json() for message in sample.input],
        "target": sample.target,
    }
    about = row.get("about") or {"weight": sample.weight, "criteria": list(sample.criteria)}
    shown = {name: value for name, value in row.items() if name in wanted}
    same = all(value == wanted[name] for name, value in shown.items())
    return same and about["weight"] == sample.weight and list(about["criteria"]) == list(sample.criteria)


def travel(trip: Trip, store: Store, home: Path) -> tuple[int, int, int, int]:
    """How many samples came, how many were equal, what was executed, and how many show what only a file holds."""
    place = Place(home / f"{trip.format}-{trip.raw}" / "out", home)
    export(store, place.folder, trip.format, csv_raw=trip.raw)
    for name in BAIT:
        shutil.copy(home / name, place.folder)
    rows = {row["id"]: row for row in trip.consume(place)}
    accepted = samples(store)
    equal = sum(sample.id in rows and is_equal(sample, rows[sample.id]) for sample in accepted)
    read = sum(SECRET in json.dumps(row) for row in rows.values())
    ours = {item.id: item for item in read_items(place.folder).items}
    assert all(ours[each.id].text == user_text(each.input) and ours[each.id].target == each.target for each in accepted)
    return len(accepted), equal, place.executed, read


def main() -> None:
    wanted = set(sys.argv[1:]) or set(FORMATS)
    with tempfile.TemporaryDirectory(prefix="round-trips-") as folder:
        home = Path(folder)
        cleaned = (text.encode("utf-8", "replace").decode() for text in [*SHORT.values(), *bait(home).values()])
        texts = [text for text in cleaned if text.strip() and len(text) < 20_000]
        print(f"{'target':<12}{'consumer':<36}{'samples':>8}{'equal':>8}{'executed':>10}{'files read':>12}")
        with project(home / "hostile.groundset", texts) as store:
            for trip in TRIPS:
                if trip.format not in wanted:
                    continue
                try:
                    count, equal, executed, read = travel(trip, store, home)
                except MissingError as error:
                    print(f"{trip.format:<12}{trip.consumer:<36}{error}", flush=True)
                    continue
                print(f"{trip.format:<12}{trip.consumer:<36}{count:>8}{equal:>8}{executed:>10}{read:>12}", flush=True)


if __name__ == "__main__":
    main()
