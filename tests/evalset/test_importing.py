import csv
import gzip
import json
from dataclasses import replace

import pytest
import yaml

from generator.errors import LogError
from generator.evalset.exporting import FORMATS, export
from generator.evalset.importing import read_items
from generator.evalset.selection import samples
from generator.logs.values import clean
from generator.records import Message, user_text
from generator.store import Store
from tests.hostile.corpus import HOSTILE, SHORT
from tests.hostile.files import hostile_files
from tests.worlds import draft, fill, trace


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def texts(path):
    return [item.text for item in read_items(path).items]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A project whose accepted samples hold every hostile text."""
    with Store.open(tmp_path_factory.mktemp("hostile") / "a.groundset", create=True) as store:
        fill(store, [trace("a need")])
        drafts = [
            replace(draft(name), messages=(Message("system", "be kind"), Message("user", text)), criteria=(text,))
            for name, text in ((name, clean(text)) for name, text in HOSTILE.items())
            if text.strip()
        ]
        store.add_drafts(drafts)
        store.decide([each.id for each in store.drafts()], "accept", "ana")
        yield store


@pytest.mark.parametrize(
    ("format", "file", "found"),
    [
        ("jsonl", "samples.jsonl", "groundset"),
        ("inspect", "dataset.jsonl", "groundset"),
        ("promptfoo", "promptfooconfig.yaml", "promptfoo"),
        ("promptfoo", "tests.jsonl", "promptfoo"),
    ],
)
def test_every_hostile_sample_survives_our_own_exports(hostile, tmp_path, format, file, found):
    export(hostile, tmp_path / "out", format)
    read = read_items(tmp_path / "out" / file)
    assert read.format == found
    there = {item.id: item for item in read.items}
    for sample in samples(hostile):
        item = there[sample.id]
        assert item.text == user_text(sample.input)
        assert item.target == sample.target
    assert not read.skipped


@pytest.mark.parametrize(
    ("row", "format", "text", "target"),
    [
        ({"input": "hello", "target": "hi"}, "inspect", "hello", "hi"),
        ({"input": "hello", "target": ["hi", "hey"]}, "inspect", "hello", "hi\nhey"),
        (
            {"input": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "target": "t"},
            "inspect",
            "u",
            "t",
        ),
        ({"input": [{"role": "user", "content": "u"}], "ideal": ["a", "b"]}, "openai-evals", "u", "a\nb"),
        (
            {
                "input": [
                    {"role": "user", "content": "one"},
                    {"role": "assistant", "content": "yes"},
                    {"role": "user", "content": [{"type": "text", "text": "two"}]},
                ],
                "ideal": "x",
            },
            "openai-evals",
            "one\ntwo",
            "x",
        ),
        ({"input": "q", "actual_output": None, "expected_output": "a"}, "deepeval", "q", "a"),
        ({"vars": {"question": "q"}, "assert": [{"type": "equals", "value": "a"}]}, "promptfoo", "q", "a"),
        ({"vars": {"case": {"input": '[{"role": "user", "content": "u"}]', "expected": "e"}}}, "promptfoo", "u", "e"),
        ({"vars": {"topic": "bananas"}}, "promptfoo", "bananas", ""),
        ({"item": {"question": "q", "correct_label": "x", "answer": "a"}}, "openai-evals", "q", "a"),
        ({"item": {"ticket_text": "q"}}, "openai-evals", "q", ""),
        (
            {"scenario": "wants a refund", "expected_outcome": "gets it", "turns": []},
            "deepeval",
            "wants a refund",
            "gets it",
        ),
        ({"user_input": "q", "reference": "a", "retrieved_contexts": ["c"]}, "ragas", "q", "a"),
        (
            {"user_input": [{"content": "u", "type": "human"}, {"content": "a", "type": "ai"}], "reference": "r"},
            "ragas",
            "u",
            "r",
        ),
        ({"inputs": {"question": "q"}, "outputs": {"answer": "a"}, "metadata": {}}, "langsmith", "q", "a"),
        ({"inputs": {"name of it": "q"}, "outputs": {"name of it": "a"}}, "langsmith", "q", "a"),
        (
            {
                "inputs": {"messages": [{"role": "user", "content": "u"}]},
                "reference_outputs": {"messages": [{"role": "assistant", "content": "a"}]},
            },
            "langsmith",
            "u",
            "a",
        ),
        ({"id": "i", "input": {"question": "q"}, "expectedOutput": {"answer": "a"}}, "langfuse", "q", "a"),
        ({"input": '{"query": "q"}', "expectedOutput": "a"}, "langfuse", "q", "a"),
        ({"id": "i", "input": "q", "expected": "a", "tags": []}, "braintrust", "q", "a"),
        ({"input": {"question": "q"}, "expected": {"answer": "a"}, "metadata": {}}, "braintrust", "q", "a"),
        ({"id": "i", "input": {"question": "q"}, "output": {"answer": "a"}, "metadata": {}}, "phoenix", "q", "a"),
        ({"inputs.question": "q", "outputs.answer": "a"}, "rows", "q", "a"),
        ({"input_question": "q", "output_answer": "a", "metadata_kind": "x"}, "rows", "q", "a"),
        ({"question": "why", "answer": "so"}, "rows", "why", "so"),
        ({"Prompt": "why"}, "rows", "why", ""),
        ({"query": "q", "id": 7}, "rows", "q", ""),
        ({"prompt": ["first turn", "second turn"]}, "rows", "first turn\nsecond turn", ""),
        ({"messages": [{"role": "user", "content": "u"}]}, "rows", "u", ""),
        ({"question": 42}, "rows", "42", ""),
    ],
)
def test_each_format_is_told_by_its_fields(tmp_path, row, format, text, target):
    read = read_items(lines(tmp_path / "set.jsonl", [row, row]))
    assert (read.format, read.items[0].text, read.items[0].target) == (format, text, target)
    assert read.why


def test_goldens_of_deepeval_are_found_as_a_list_and_inside_an_object(tmp_path):
    goldens = [{"input": "a", "expected_output": "b"}, {"input": "c", "expected_output": "d"}]
    for number, value in enumerate((goldens, {"goldens": goldens})):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(value, indent=1))
        read = read_items(path)
        assert (read.format, [item.text for item in read.items]) == ("deepeval", ["a", "c"])


@pytest.mark.parametrize(
    "whole",
    [
        {"data": {"dataset_id": "x", "version_id": "y", "examples": [{"input": {"question": "q"}, "output": {}}]}},
        {"data": [{"input": "q", "expectedOutput": "a"}], "meta": {"page": 1}},
        {"events": [{"input": "q", "expected": "a"}], "cursor": None},
        {"conversational_goldens": [{"scenario": "q", "expected_outcome": "a"}]},
    ],
)
def test_what_the_servers_of_the_tools_answer_is_read_as_it_was_saved(tmp_path, whole):
    (tmp_path / "answer.json").write_text(json.dumps(whole))
    assert texts(tmp_path / "answer.json") == ["q"]


@pytest.mark.parametrize("tool", FORMATS)
def test_an_exported_folder_is_read_by_its_name_with_our_ids(hostile, tmp_path, tool):
    export(hostile, tmp_path / "out", tool)
    read = read_items(tmp_path / "out")
    assert {item.id for item in read.items} == {sample.id for sample in samples(hostile)}
    assert read.format in {"groundset", "promptfoo", "deepeval"}


@pytest.mark.parametrize(
    "manifest",
    [
        b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"data": 5}', b'{"data": [5]}', b'{"data": []}',
        b'{"data": ["none.jsonl"]}', b'{"data": ["a\\u0000b"]}', b'{"data": ["."]}', b'{"data": "secret"}',
        b'{"data": ["../secret.jsonl"]}', b'{"data": ["/etc/hostname"]}', b'{"data": ["link.jsonl"]}',
    ],
)  # fmt: skip
def test_a_folder_whose_manifest_lies_is_refused_with_a_sentence(tmp_path, manifest):
    lines(tmp_path / "secret.jsonl", [{"input": "secret"}])
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (folder / "groundset.json").write_bytes(manifest)
    with pytest.raises(LogError):
        read_items(folder)


def test_a_table_of_ours_that_somebody_changed_is_still_a_table(tmp_path, hostile):
    export(hostile, tmp_path / "set.csv", "csv")
    data = (tmp_path / "set.csv").read_bytes()
    head, first, *_ = data.split(b"\n")
    (tmp_path / "short.csv").write_bytes(head + b"\n" + b'"d-1","hello"\n')
    assert texts(tmp_path / "short.csv") == ["hello"]
    (tmp_path / "cut.csv").write_bytes(data[: len(data) // 2])
    assert len(texts(tmp_path / "cut.csv")) > 10
    (tmp_path / "mixed.csv").write_bytes(head + b"\n\xff,\xfe\n" + first + b"\n")
    assert len(read_items(tmp_path / "mixed.csv").items) >= 1


def test_a_table_and_a_list_of_texts_are_read_also_packed(tmp_path):
    with (tmp_path / "set.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["question", "expected"], ["=1+1", "2"], ["", "3"], ["b, c", "4"]])
    read = read_items(tmp_path / "set.csv")
    assert [item.text for item in read.items] == ["=1+1", "b, c"]
    assert read.skipped == {"no text of a user": 1}
    (tmp_path / "set.txt.gz").write_bytes(gzip.compress(b"where is my order\n\nhow do I pay\n"))
    read = read_items(tmp_path / "set.txt.gz")
    assert read.format == "text"
    assert [(item.text, item.origin_position) for item in read.items] == [("where is my order", 1), ("how do I pay", 3)]


def test_ids_are_kept_and_never_shared(tmp_path):
    rows = [{"id": "a", "input": "x"}, {"id": "a", "input": "y"}, {"input": "z"}, {"id": "", "input": "w"}]
    assert [item.id for item in read_items(lines(tmp_path / "a.jsonl", rows)).items] == ["a", "a#2", "3", "4"]


def config(folder, tests, name="promptfooconfig.yaml"):
    (folder / name).write_text(yaml.safe_dump({"prompts": ["{{question}}"], "providers": ["echo"], "tests": tests}))
    return folder / name


def test_tests_of_promptfoo_are_read_inline_and_from_files_of_every_kind(tmp_path):
    lines(tmp_path / "a.jsonl", [{"vars": {"question": "from lines"}}])
    (tmp_path / "b.yaml").write_text("- vars: {question: from yaml}\n")
    (tmp_path / "c.csv").write_text("question,__expected,other\nfrom a table,yes,x\nsecond row,no,y\n")
    (tmp_path / "d.json").write_text(json.dumps([{"vars": {"question": "from json"}}]))
    named = ["file://a.jsonl", {"path": "file://b.yaml"}, "c.csv", "file://./d.json"]
    read = read_items(config(tmp_path, [{"vars": {"question": "inline"}}, *named]))
    wanted = ["inline", "from lines", "from yaml", "from a table", "second row", "from json"]
    assert [item.text for item in read.items] == wanted
    assert read.items[3].target == "yes"
    assert read.format == "promptfoo"
    assert texts(config(tmp_path, "file://a.jsonl")) == ["from lines"]


def test_programs_addresses_and_files_elsewhere_are_counted_and_never_touched(tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (folder / "evil.js").write_text(f"require('fs').writeFileSync({json.dumps(str(tmp_path / 'ran'))}, '')")
    lines(tmp_path / "secret.jsonl", [{"vars": {"question": "secret"}}])
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    elsewhere = ["file://../secret.jsonl", f"file://{tmp_path / 'secret.jsonl'}", "file://link.jsonl"]
    programs = ["file://evil.py", "file://evil.js", "file://evil.py:make", "file://x.ts"]
    network = ["https://example.com/tests.csv", "huggingface://datasets/x"]
    broken = ["file://none.jsonl", "file://loop.jsonl", "file://nul\\0.jsonl"]
    inline = [{"vars": {"question": "good"}}, {"vars": {"question": "file://evil.js"}}, 5, None, ["a"]]
    read = read_items(config(folder, [*elsewhere, *programs, *network, *broken, *inline]))
    assert [item.text for item in read.items] == ["good"]
    assert read.skipped["its tests are outside the folder of the configuration"] == 3
    assert read.skipped["its tests are made by a program, which is not run"] == 4
    assert read.skipped["its tests are on the network, which is not asked"] == 2
    assert read.skipped["its file of tests cannot be read"] == 3
    assert read.skipped["its text is in another file"] == 1
    assert read.skipped["its tests are in a file of a kind that is not read"] == 2
    assert read.skipped["a test that is no object"] == 1
    assert not (tmp_path / "ran").exists()


def test_yaml_is_data_only_and_scalars_stay_the_text_they_are(tmp_path):
    path = tmp_path / "promptfooconfig.yaml"
    path.write_text(
        f"tests:\n- vars: {{question: no}}\n- vars: {{question: 12:30:45}}\n- vars: {{question: 0012}}\n"
        f"- vars: {{question: !!python/object/apply:os.mkdir [{tmp_path / 'made'}]}}\n"
    )
    assert texts(path)[:3] == ["no", "12:30:45", "0012"]
    assert not (tmp_path / "made").exists()


def test_aliases_that_stand_for_billions_are_refused_at_once(tmp_path):
    path = tmp_path / "promptfooconfig.yaml"
    part = "{type: tool_result, content: %s}"
    steps = [f"a{i}: &a{i} [" + ", ".join([part % (f"*a{i - 1}" if i else "x")] * 9) + "]" for i in range(12)]
    path.write_text("\n".join([*steps, "tests:", "- vars: {input: [{role: user, content: *a11}]}"]))
    with pytest.raises(LogError, match="aliases"):
        read_items(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"tests: [",
        b"a: &a [*a, *a]\ntests: *a\n",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"- " * 50_000 + b"a",
        b"tests: null\n",
        b"tests: 5\n",
        b"tests: {vars: 1}\n",
        b"? {a: b}\n: c\n",
        b"a: &a {x: y}\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\ntests: [*c, *c]\n",
        b"just text\n--- \nsecond",
        b"prompts: [x]\n",
    ],
)
def test_yaml_without_a_text_or_broken_gives_a_sentence(tmp_path, content):
    path = tmp_path / "promptfooconfig.yaml"
    path.write_bytes(content)
    with pytest.raises(LogError):
        read_items(path)


@pytest.mark.parametrize("text", SHORT.values(), ids=SHORT.keys())
def test_hostile_texts_come_out_of_every_format_as_they_went_in(tmp_path, text):
    rows = [{"input": text, "target": text}, {"input": "a good one", "target": "x"}]
    read = read_items(lines(tmp_path / "a.jsonl", rows))
    assert read.items[-1].text == "a good one"
    assert len(read.items) + sum(read.skipped.values()) == 2
    cases = [{"vars": {"case": {"input": json.dumps([{"role": "user", "content": text}])}}} for _ in range(2)]
    lines(tmp_path / "tests.jsonl", [*cases, {"vars": {"question": "a good one"}}])
    assert read_items(config(tmp_path, "file://tests.jsonl")).items[-1].text == "a good one"


def test_hostile_files_are_read_or_refused_with_a_sentence(tmp_path):
    refused = 0
    for path in hostile_files(tmp_path).values():
        try:
            read = read_items(path)
        except LogError:
            refused += 1
            continue
        assert all(item.text.strip() for item in read.items)
        assert len({item.id for item in read.items}) == len(read.items)
    assert refused


def test_a_file_without_texts_is_refused_with_the_keys_it_has(tmp_path):
    with pytest.raises(LogError, match=r"its rows have speed, colour␛"):
        read_items(lines(tmp_path / "a.jsonl", [{"speed": 1, "colour\x1b": "red"}] * 2))


def test_missing_files_folders_and_pipes_are_refused(tmp_path):
    for name in ("none.jsonl", "none.yaml", ".", "a\0b.yaml"):
        with pytest.raises(LogError):
            read_items(tmp_path / name)
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(LogError):
        read_items(tmp_path / "folder.yaml")
