"""The schema of the project file, step by step. A step that was released is never changed; a new one is added."""

import sqlite3

from generator.reach import Crest, Reach, lot

WORDS_OF_DRAFT = """
    SELECT number, (SELECT coalesce(group_concat(json_extract(value, '$.content'), ' '), '') FROM json_each(messages)
            WHERE json_extract(value, '$.role') = 'user')
        || ' ' || (SELECT coalesce(group_concat(value, ' '), '') FROM json_each(criteria))
        || ' ' || (SELECT coalesce(group_concat(value, ' '), '') FROM json_each(must_not))
    FROM draft"""
"""What a search looks through: what the user says, what is expected and what must not be."""


def _m001_first_schema(db: sqlite3.Connection) -> None:
    statements = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    CREATE TABLE source (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
        layout TEXT NOT NULL, format TEXT NOT NULL, why TEXT NOT NULL,
        records INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0,
        repeated INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0,
        complete INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE trace (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, messages TEXT NOT NULL,
        answer TEXT, count INTEGER NOT NULL, first_seen TEXT, last_seen TEXT, signals TEXT NOT NULL,
        source_id INTEGER NOT NULL REFERENCES source, position INTEGER NOT NULL, cell_id INTEGER);
    CREATE INDEX trace_by_cell ON trace (cell_id);
    CREATE TABLE rejected (
        source_id INTEGER NOT NULL REFERENCES source, position INTEGER NOT NULL, reason TEXT NOT NULL);
    CREATE TABLE placeholder (
        kind TEXT NOT NULL, digest TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (kind, digest)) WITHOUT ROWID;
    CREATE TABLE redaction (kind TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;

    CREATE TABLE cluster (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, named_by TEXT NOT NULL, weight REAL NOT NULL,
        traces INTEGER NOT NULL, distinct_traces INTEGER NOT NULL, exemplars TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE cell (
        id INTEGER PRIMARY KEY, cluster_id TEXT NOT NULL REFERENCES cluster, weight REAL NOT NULL,
        distinct_traces INTEGER NOT NULL, exemplar_id TEXT NOT NULL);
    CREATE TABLE cell_parent (
        step INTEGER PRIMARY KEY, left_node INTEGER NOT NULL, right_node INTEGER NOT NULL, height REAL NOT NULL);

    CREATE TABLE draft (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, origin TEXT NOT NULL, kind TEXT NOT NULL,
        messages TEXT NOT NULL, criteria TEXT NOT NULL, must_not TEXT NOT NULL, why TEXT NOT NULL,
        cluster_id TEXT NOT NULL, model TEXT NOT NULL, prompt_hash TEXT NOT NULL, call_key TEXT,
        reference TEXT, invented TEXT NOT NULL, weight REAL NOT NULL, stratum TEXT);
    CREATE TABLE draft_source (
        draft_id TEXT NOT NULL REFERENCES draft (id), trace_id TEXT NOT NULL,
        PRIMARY KEY (draft_id, trace_id)) WITHOUT ROWID;
    CREATE TABLE landing (
        draft_id TEXT PRIMARY KEY REFERENCES draft (id), cell_id INTEGER NOT NULL, cluster_id TEXT NOT NULL,
        neighbours TEXT NOT NULL, alike TEXT NOT NULL, off_traffic INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE reach (
        draft_id TEXT NOT NULL REFERENCES draft (id), cell_id INTEGER NOT NULL, depth REAL NOT NULL,
        PRIMARY KEY (draft_id, cell_id)) WITHOUT ROWID;

    CREATE TABLE call (
        key TEXT PRIMARY KEY, cluster_id TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        prompt_hash TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
        sent_at TEXT, answered_at TEXT, reserved_usd REAL NOT NULL DEFAULT 0, raw BLOB, usage TEXT,
        cost_usd REAL NOT NULL DEFAULT 0, outcome TEXT) WITHOUT ROWID;
    CREATE INDEX call_by_state ON call (state);

    CREATE TABLE event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, step TEXT NOT NULL,
        draft_id TEXT NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, payload TEXT NOT NULL, at TEXT NOT NULL);
    CREATE INDEX event_by_draft ON event (draft_id, seq);
    CREATE INDEX event_by_step ON event (step);
    CREATE TABLE draft_state (
        draft_id TEXT PRIMARY KEY, verdict TEXT NOT NULL, reason TEXT, edit TEXT, actor TEXT, at TEXT) WITHOUT ROWID;
    CREATE INDEX draft_state_by_verdict ON draft_state (verdict);
    """
    _execute(db, statements)


def _m002_clusters_that_people_shape_and_change_over_time(db: sqlite3.Connection) -> None:
    """What people decide about clusters; the clusters before the last logs; on which days traces came.

    `trace.clustered` is its count at the last clustering, `trace.earlier` that at the last one before the
    traffic of the last logs. The days of traces that are there already were not kept, and stay unknown.
    """
    statements = """
    CREATE TABLE regrouping (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, verb TEXT NOT NULL, parts TEXT NOT NULL,
        distinct_traces INTEGER NOT NULL, name TEXT, actor TEXT NOT NULL, at TEXT NOT NULL);
    INSERT INTO meta VALUES ('regrouped', '0');

    CREATE TABLE earlier_cluster (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, named_by TEXT NOT NULL, weight REAL NOT NULL,
        traces INTEGER NOT NULL, distinct_traces INTEGER NOT NULL, exemplars TEXT NOT NULL) WITHOUT ROWID;
    ALTER TABLE trace ADD COLUMN clustered INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE trace ADD COLUMN earlier INTEGER NOT NULL DEFAULT 0;
    UPDATE trace SET clustered = count WHERE cell_id IS NOT NULL;

    CREATE TABLE trace_day (
        trace_number INTEGER NOT NULL REFERENCES trace, day INTEGER NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (trace_number, day)) WITHOUT ROWID;
    """
    _execute(db, statements)


def _m003_batches_leases_and_what_a_call_was_about(db: sqlite3.Connection) -> None:
    """Calls know what they are for, what their prompt held, and the batch they went out in.

    `call.context` is what it takes to read an answer long after its prompt was made, and `call.measure` the
    size of that prompt, from which later estimates learn. A `batch` row is committed before the provider
    hears of the batch; `remote_id` comes after.
    """
    statements = """
    ALTER TABLE call ADD COLUMN purpose TEXT NOT NULL DEFAULT 'drafting';
    ALTER TABLE call ADD COLUMN context TEXT;
    ALTER TABLE call ADD COLUMN measure TEXT;
    ALTER TABLE call ADD COLUMN batch TEXT;
    CREATE INDEX call_by_batch ON call (batch);

    CREATE TABLE batch (
        nonce TEXT PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, server TEXT NOT NULL,
        calls INTEGER NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL, remote_id TEXT, ended_at TEXT,
        note TEXT NOT NULL DEFAULT '') WITHOUT ROWID;

    CREATE TABLE lease (
        work TEXT PRIMARY KEY, token TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL, host TEXT NOT NULL,
        actor TEXT NOT NULL, since TEXT NOT NULL, heartbeat REAL NOT NULL) WITHOUT ROWID;
    """
    _execute(db, statements)


def _m004_what_speaks_against_drafts_and_the_rounds_of_the_loop(db: sqlite3.Connection) -> None:
    """Marks of verification, and what each round of the drafting loop asked for and brought.

    `mark.stage` is "reading" or "ranking": each stage replaces its own marks. A round whose `result` is missing
    is under way; its `plan` makes the same prompts again after a kill.
    """
    statements = """
    CREATE TABLE mark (
        draft_id TEXT NOT NULL REFERENCES draft (id), name TEXT NOT NULL, reason TEXT NOT NULL, stage TEXT NOT NULL,
        PRIMARY KEY (draft_id, name)) WITHOUT ROWID;
    CREATE TABLE drafting_round (
        number INTEGER PRIMARY KEY, about TEXT NOT NULL, plan TEXT NOT NULL, before REAL NOT NULL, result TEXT)
    """
    _execute(db, statements)


def _m005_who_asked_and_what_was_joined(db: sqlite3.Connection) -> None:
    """Keyed digests of who asked, for clusters that few users make; records that became part of another's trace."""
    statements = """
    ALTER TABLE source ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE trace_user (
        trace_number INTEGER NOT NULL REFERENCES trace, user TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (trace_number, user)) WITHOUT ROWID
    """
    _execute(db, statements)


def _m006_the_map_aims_and_several_people(db: sqlite3.Connection) -> None:
    """Where the traffic lies on the map; how many samples people want of a cluster; who looks at what right now.

    `layout_trace` holds all traces as one blob, in the order in which they came in. A `look` keeps a draft for one
    person for a while. A `plant` is a draft that is known to be bad, to see whether people notice.
    """
    statements = """
    CREATE TABLE layout_trace (only INTEGER PRIMARY KEY CHECK (only = 1), places BLOB NOT NULL);
    CREATE TABLE layout_cell (cell_id INTEGER PRIMARY KEY, x INTEGER NOT NULL, y INTEGER NOT NULL);
    CREATE TABLE layout_draft (draft_id TEXT PRIMARY KEY, x INTEGER NOT NULL, y INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE layout_tile (
        level INTEGER NOT NULL, tile_row INTEGER NOT NULL, tile_column INTEGER NOT NULL,
        requests BLOB NOT NULL, cells BLOB NOT NULL, PRIMARY KEY (level, tile_row, tile_column)) WITHOUT ROWID;

    CREATE TABLE aim_event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, cluster_id TEXT NOT NULL, verb TEXT NOT NULL,
        target INTEGER, reason TEXT, actor TEXT NOT NULL, at TEXT NOT NULL);
    CREATE VIEW excluded_cluster AS SELECT cluster_id FROM aim_event AS last WHERE verb = 'exclude' AND NOT EXISTS (
        SELECT 1 FROM aim_event AS later WHERE later.cluster_id = last.cluster_id AND later.verb = 'include'
        AND (later.at, later.uuid) > (last.at, last.uuid));

    CREATE INDEX event_by_time ON event (at);
    CREATE INDEX event_by_actor ON event (actor, at);
    CREATE TABLE look (draft_id TEXT PRIMARY KEY, actor TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE plant (draft_id TEXT PRIMARY KEY, flaw TEXT NOT NULL) WITHOUT ROWID
    """
    _execute(db, statements)


def _m007_lists_of_drafts_that_need_not_be_read_whole(db: sqlite3.Connection) -> None:
    """The queue and the lists read what they show: bounds, an order, lots and words by index; more that people say.

    `landing.reach` is what a draft tests, packed (see `generator.lists`), `landing.worth` its gain while nothing is
    accepted, `landing.lot` its place in a random order. `crest` holds for the drafts of a cell the deepest that any
    of them reaches, which bounds the gain of each without reading it.
    """
    statements = f"""
    ALTER TABLE landing ADD COLUMN reach BLOB NOT NULL DEFAULT x'';
    ALTER TABLE landing ADD COLUMN worth REAL NOT NULL DEFAULT 0;
    ALTER TABLE landing ADD COLUMN lot INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX landing_by_worth ON landing (worth DESC);
    CREATE INDEX landing_by_cell ON landing (cell_id, worth DESC);
    CREATE INDEX landing_by_cluster ON landing (cluster_id, worth DESC);
    CREATE INDEX landing_by_lot ON landing (lot);
    CREATE TABLE crest (cell_id INTEGER PRIMARY KEY, drafts INTEGER NOT NULL, worth REAL NOT NULL, reach BLOB NOT NULL);

    ALTER TABLE draft_state ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE draft_state ADD COLUMN note TEXT;
    ALTER TABLE draft_state ADD COLUMN flagged INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE draft_state ADD COLUMN pinned TEXT;

    CREATE VIRTUAL TABLE draft_words USING fts5 (
        words, content = '', prefix = '1 2 3', tokenize = "unicode61 remove_diacritics 2");
    INSERT INTO draft_words (rowid, words) {WORDS_OF_DRAFT}
    """
    _execute(db, statements)
    _pack_reaches(db)
    db.execute("DROP TABLE reach")


def _m008_answers_of_models_and_what_people_think_of_them(db: sqlite3.Connection) -> None:
    """Answers of candidate models to items, what programs and people say of them.

    An `answer` knows the input that it answered (`asked`) and, for its `passed`, the target that it was held against
    (`expected`). A `judgement` is an event like those of curation; `candidates` is a JSON list of one name (a grade)
    or of two in the order of the alphabet (a comparison). A `planted_pair` is one whose outcome is known.
    """
    statements = """
    CREATE TABLE answer (
        candidate TEXT NOT NULL, draft_id TEXT NOT NULL, digest TEXT NOT NULL, asked TEXT NOT NULL,
        expected TEXT NOT NULL, passed REAL, latency_s REAL, cost_usd REAL, origin TEXT NOT NULL,
        source TEXT NOT NULL, at TEXT NOT NULL, output TEXT NOT NULL, PRIMARY KEY (candidate, draft_id));
    CREATE TABLE check_result (
        candidate TEXT NOT NULL, draft_id TEXT NOT NULL, place INTEGER NOT NULL, criterion TEXT NOT NULL,
        outcome TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (candidate, draft_id, place)) WITHOUT ROWID;

    CREATE TABLE judgement (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, step TEXT NOT NULL, draft_id TEXT NOT NULL,
        candidates TEXT NOT NULL, plant TEXT, actor TEXT NOT NULL, verb TEXT NOT NULL, payload TEXT NOT NULL,
        at TEXT NOT NULL);
    CREATE INDEX judgement_by_draft ON judgement (draft_id);
    CREATE INDEX judgement_by_step ON judgement (step);
    CREATE INDEX judgement_by_time ON judgement (at);
    CREATE INDEX judgement_by_actor ON judgement (actor, at);
    CREATE TABLE planted_pair (
        id TEXT PRIMARY KEY, flaw TEXT NOT NULL, draft_id TEXT NOT NULL, candidate TEXT NOT NULL,
        other_draft_id TEXT NOT NULL, other_candidate TEXT NOT NULL) WITHOUT ROWID
    """
    _execute(db, statements)


def _pack_reaches(db: sqlite3.Connection) -> None:
    weights = dict(db.execute("SELECT id, weight FROM cell"))
    crests: dict[int, Crest] = {}
    for draft_id, home in db.execute("SELECT draft_id, cell_id FROM landing").fetchall():
        rows = db.execute("SELECT cell_id, depth FROM reach WHERE draft_id = ? ORDER BY depth DESC", (draft_id,))
        reach = Reach.of(rows.fetchall())
        worth = reach.worth(weights)
        crests.setdefault(home, Crest()).rise(reach, worth)
        db.execute(
            "UPDATE landing SET reach = ?, worth = ?, lot = ? WHERE draft_id = ?",
            (reach.packed(), worth, lot(draft_id), draft_id),
        )
    db.executemany("INSERT INTO crest VALUES (?, ?, ?, ?)", [(cell, *each.row()) for cell, each in crests.items()])


def _m009_what_is_typed_and_not_accepted_yet(db: sqlite3.Connection) -> None:
    """What a person typed into the editor of a draft: JSON of its fields, until it is accepted or given up."""
    _execute(
        db,
        "CREATE TABLE typed (draft_id TEXT NOT NULL, actor TEXT NOT NULL, fields TEXT NOT NULL, "
        "PRIMARY KEY (draft_id, actor)) WITHOUT ROWID",
    )


def _execute(db: sqlite3.Connection, statements: str) -> None:
    # Not `executescript`: it would commit the transaction that makes a migration all or nothing.
    for statement in statements.split(";"):
        db.execute(statement)


MIGRATIONS = (
    _m001_first_schema,
    _m002_clusters_that_people_shape_and_change_over_time,
    _m003_batches_leases_and_what_a_call_was_about,
    _m004_what_speaks_against_drafts_and_the_rounds_of_the_loop,
    _m005_who_asked_and_what_was_joined,
    _m006_the_map_aims_and_several_people,
    _m007_lists_of_drafts_that_need_not_be_read_whole,
    _m008_answers_of_models_and_what_people_think_of_them,
    _m009_what_is_typed_and_not_accepted_yet,
)
"""Applied in order; `PRAGMA user_version` counts those a file has had."""
