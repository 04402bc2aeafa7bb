import json

import pytest

from generator import pipeline
from generator.config import Config
from generator.drafting.briefing import Survey
from generator.errors import StageError
from generator.evalset.damping import damp
from generator.evalset.listing import cluster_rows, write_per_trace
from generator.evalset.selection import exemplar_drafts
from generator.pipeline import Silent
from generator.store import FEW_USERS, Store
from tests.logs.test_ingestion import written

CONFIG = Config(encoder="lexical", model="offline", clusters=2, min_users=3)
ORDERS = [f"where is my order of {what}, the parcel {how}" for what in ("shoes", "books", "a lamp", "tea", "a coat")
          for how in ("is late", "has not arrived", "was lost", "cannot be tracked")]  # fmt: skip
SECRET = [f"{how} the salary of our chief executive {when}" for how in ("raise", "cut", "hide", "publish")
          for when in ("this year", "next year", "in May")]  # fmt: skip


@pytest.fixture
def store(tmp_path):
    """Many users ask about orders, one asks again and again about a salary, and one asks for an order all day."""
    rows = [{"text": text, "user_id": f"u{number}"} for number, text in enumerate(ORDERS)]
    rows += [{"text": text, "user_id": "boss@example.com"} for text in SECRET]
    rows += [{"text": ORDERS[0], "user_id": "robot"}] * 100
    path = written(tmp_path, *rows)
    with Store.open(tmp_path / "p.groundset", create=True) as opened:
        pipeline.ingest(opened, [str(path)], Silent())
        pipeline.cluster(opened, CONFIG, Silent())
        yield opened


def few_and_many(store):
    few = store.few_users()
    assert len(few) == 1
    return next(iter(few)), next(each.id for each in store.every_cluster() if each.id not in few)


def test_who_asked_is_kept_as_a_digest_only(store):
    store.set_meta("x", "y")
    assert b"boss@example.com" not in store.path.read_bytes()
    users = {user for _, user, _ in store.user_counts() if user is not None}
    assert len(users) == 22
    assert all(len(user) == 16 and set(user) <= set("0123456789abcdef") for user in users)


def test_a_cluster_that_too_few_users_make_is_neither_named_nor_shown_nor_drafted_from(store, tmp_path):
    few, many = few_and_many(store)
    shown = json.dumps(cluster_rows(store))
    assert "salary" not in shown
    assert FEW_USERS in shown
    assert [each.id for each in Survey(store).clusters] == [many]
    assert store.traces_of_cluster(few, 10) == []
    assert {draft.cluster_id for draft in exemplar_drafts(store)} == {many}
    pipeline.draft(store, CONFIG, Silent())
    pipeline.rank(store, CONFIG, Silent())
    assert not any("salary" in draft.text for draft in store.drafts())
    assert write_per_trace(store, tmp_path / "traces.jsonl") == len(ORDERS)
    for draft in store.drafts():
        landing = store.landing(draft.id)
        assert not any("salary" in each.text for each in store.traces(near.trace_id for near in landing.neighbours))
    with pytest.raises(StageError, match="fewer than 3 users"):
        pipeline.split(store, few, 2, "ana")
    status = pipeline.status(store)
    assert (status.few_users.min_users, status.few_users.clusters) == (3, 1)
    assert status.few_users.share == pytest.approx(12 / 132)


def test_a_lower_bound_shows_it_again_and_its_name_was_never_lost(store):
    few, _ = few_and_many(store)
    pipeline.cluster(store, Config(encoder="lexical", clusters=2, min_users=1), Silent())
    assert not store.few_users()
    assert any("salary" in each.name for each in store.clusters() if each.id == few)


def test_traffic_without_a_user_counts_as_one_user_each(tmp_path):
    path = written(tmp_path, *({"text": text} for text in ORDERS + SECRET))
    with Store.open(tmp_path / "anonymous.groundset", create=True) as store:
        pipeline.ingest(store, [str(path)], Silent())
        pipeline.cluster(store, CONFIG, Silent())
        assert not store.few_users()
        assert damp(store).unknown == 32


def test_a_user_who_asks_all_day_weighs_the_root_of_it(store):
    few, many = few_and_many(store)
    damped = damp(store)
    assert damped.shares[few] == pytest.approx(12**0.5 / (12**0.5 + 20 + 10))
    assert damped.shares[many] == pytest.approx(30 / (12**0.5 + 30))
    assert damped.users == {few: 1, many: 21}
