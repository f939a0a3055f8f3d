"""Databases of former schema versions, written by the programs of those versions, after their upgrade.

`assets/version3.db.gz` holds finished, unfinished, diverged and failed studies and runs. Beside it lie the former
program's report of it, and the values with which that program finished the unfinished study and run set.

`assets/version4.db.gz` holds a finished study, one that was stopped after the first shard, 8 of 16 individuals, of its
second generation, and a run set. Beside it lie the values with which the former program finished that study.
`assets/version5.db.gz` holds the same of the next version, and `assets/version6.db.gz` of the one after, with a run set
of an adapted optimizer with a recipe, which `assets/version7.db.gz` has as well. `assets/version8.db.gz` is the latter,
upgraded by the program of version 8, and `assets/version9.db.gz` by that of version 9.
"""

import gzip
import json
import multiprocessing
import os
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from lodo_bench.cli.views.list import print_list
from lodo_bench.cli.views.show import show_run_set
from lodo_bench.errors import DatabaseError, Remedy, UnknownNameError
from lodo_bench.figures.comparisons import compare_run_sets, load_report_data
from lodo_bench.files.json import as_json
from lodo_bench.report.formats import RENDERERS
from lodo_bench.report.json import document
from lodo_bench.report.markdown import render
from lodo_bench.results import migrations
from lodo_bench.results.codecs.specifications import run_set_identity, study_identity
from lodo_bench.results.database import Database
from lodo_bench.results.managing import annotate
from lodo_bench.results.migrations import version4, version10
from lodo_bench.results.schema import SCHEMA_VERSION
from lodo_bench.results.store import Store
from lodo_bench.runs.execute import execute_run_set, trajectory
from lodo_bench.runs.facts import facts_of, kinds_of, with_facts
from lodo_bench.spec.annotation import Annotation
from lodo_bench.spec.outcome import Status
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.driver import run_studies
from lodo_bench.tuner.study import Study
from lodo_bench.tuner.worker import evaluate
from tests.builders import provenance
from tests.experiments.helpers import Silent

ASSETS = Path(__file__).parent / "assets"
CONTENTS = {n: gzip.decompress((ASSETS / f"version{n}.db.gz").read_bytes()) for n in range(3, SCHEMA_VERSION)}
RENAMED = {"series": "metric_histories", "learned": "meta_training_states"}  # of version 3
EACH = pytest.mark.parametrize("version", CONTENTS)


@pytest.fixture
def version():
    return 3


@pytest.fixture
def path(tmp_path, version):
    path = tmp_path / "results.db"
    path.write_bytes(CONTENTS[version])
    return path


@pytest.fixture
def former(tmp_path, version):
    path = tmp_path / "former.db"
    path.write_bytes(CONTENTS[version])
    return path


def open_store(path):
    return Store(Database(str(path), create=True), provenance())


def query(path, statement):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def schema(path):
    """The columns, foreign keys and indexes of each table, in any order."""
    found = {}
    for (table,) in query(path, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        columns = query(path, f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{table}')")
        keys = query(path, f'SELECT "from", "table", "to" FROM pragma_foreign_key_list(\'{table}\')')
        indexes = [
            (name, unique, tuple(query(path, f"SELECT seqno, name FROM pragma_index_info('{name}')")))
            for name, unique in query(path, f"SELECT name, \"unique\" FROM pragma_index_list('{table}')")
        ]
        found[table] = sorted(columns), sorted(keys), sorted(indexes)
    return found


def former_origin(study, note):
    """The text that version 3 had for the study and the note."""
    return ", ".join(filter(None, ("" if study is None else f"study {study}", note)))


def text(name):
    return (ASSETS / name).read_text("utf-8")


@EACH
@pytest.mark.parametrize("create", [True, False])
def test_it_is_upgraded_when_it_is_opened_with_one_notice(path, version, create):
    notices = []
    for _ in range(2):
        Database(str(path), create=create, on_notice=notices.append).close()
    assert notices == [f"Upgraded the database '{path}' from schema version {version} to {SCHEMA_VERSION}."]
    assert query(path, "SELECT version FROM lodo_bench_schema") == [(SCHEMA_VERSION,)]


@EACH
def test_its_tables_are_those_of_a_new_database(path, tmp_path):
    for location in (path, tmp_path / "new.db"):
        Database(str(location), create=True).close()
    assert schema(path) == schema(tmp_path / "new.db")


@EACH
def test_nothing_is_lost(path, former):
    Database(str(path), create=True).close()
    for (table,) in query(former, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        columns = [row[1] for row in query(former, f"PRAGMA table_info({table})")]
        kept = [f'"{name}"' for name in columns if name not in ("spec", "identity", "version", "state")]
        values = f"SELECT {', '.join(kept) or 'count(*)'} FROM"
        assert query(path, f"{values} {RENAMED.get(table, table)}") == query(former, f"{values} {table}")
    assert query(path, "PRAGMA foreign_key_check") == []


def test_the_states_of_meta_trainings_are_kept(path, former):
    Database(str(path), create=True).close()
    states = query(path, "SELECT state_dict FROM meta_training_states")
    assert states == query(former, "SELECT state FROM learned") != []


@EACH
def test_studies_and_run_sets_are_known_again(path):
    store = open_store(path)
    identities = query(path, "SELECT identity FROM studies ORDER BY id")
    assert [(study_identity(study.spec),) for study in store.studies()] == identities
    identities = query(path, "SELECT identity FROM run_sets ORDER BY id")
    assert [(run_set_identity(run_set.spec),) for run_set in store.run_sets()] == identities
    assert {study.spec.compute.backend for study in store.studies()} == {"torch"}


def test_the_study_of_tuned_values_is_a_column(path, former):
    store = open_store(path)
    for number, spec in query(former, "SELECT id, spec FROM run_sets"):
        origin, found = json.loads(spec)["hyperparameters"]["origin"], store.run_set(number).spec.hyperparameters
        expected = former_origin(found.study_id, found.provenance_note)
        assert expected == origin
        assert (found.study_id is not None) == (found.source == "tuned")
    notes = {run_set.spec.hyperparameters.provenance_note for run_set in store.run_sets()}
    assert notes >= {"", "learning rate × 0.5", "Table 6", "the rest default"}


def cells(report):
    """The cells of the first table of each task, without columns that the former program did not have, or otherwise."""
    for part in report.split("## ")[1:]:
        lines = part.split("\n\n")[1].splitlines()
        header, _, *rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in lines]
        kept = [i for i, title in enumerate(header) if title not in ("hyperparameters", "runs", "ratio to best")]
        kept = [i for i in kept if {row[i] for row in rows} != {"–"}]
        yield from ((header[i], number(row[i])) for row in rows for i in kept)


def number(cell):
    """The first number of a cell, or its text without marks."""
    text = cell.strip(" ¶§†?*")
    try:
        return pytest.approx(float(text.split(" ")[0].replace(",", "")), rel=0.02)  # rounded otherwise
    except ValueError:
        return text


def test_its_report_is_that_of_the_former_program(path):
    store = open_store(path)
    # The former program had no scores but those that are stored.
    comparisons = [(found, None) for found in compare_run_sets(store.run_sets(), store.study_summaries())]
    shown = cells("\n".join(render(*found) for found in comparisons))
    for (title, value), (former_title, former_value) in zip(shown, cells(text("version3-report.md")), strict=True):
        assert title == former_title
        assert getattr(value, "expected", value) == former_value
    found, expected = json.loads(as_json(document(comparisons))), json.loads(text("version3-report.json"))
    assert [scores(comparison) for comparison in found["comparisons"]] == [
        scores(comparison) for comparison in expected["comparisons"]
    ]
    for comparison, former in zip(found["comparisons"], expected["comparisons"], strict=True):
        for row, other in zip(comparison["rows"], former["rows"], strict=True):
            study, note = row["study_id"], row["provenance_note"]
            assert former_origin(study, note) == other["hyperparameters_origin"]
            for key in ("hyperparameters", "hyperparameters_source", "steps_per_second", "machines", "unfinished"):
                assert row[key] == other[key]


def scores(comparison):
    """The values of all runs at all milestones, by row; of rows whose runs are copies, that of the first."""
    return [
        {key: (_distinct(at["by_seed"]), at["published"]) for key, at in row["milestones"].items()}
        for row in comparison["rows"]
    ]


def _distinct(by_seed):
    is_copied = len(by_seed) > 1 and len(set(by_seed.values())) == 1 and None not in by_seed.values()
    return {"0": by_seed["0"]} if is_copied else by_seed


def test_its_curves_fill_the_gaps_of_its_report(path):
    ((comparison, _), *_) = load_report_data(open_store(path)).comparisons
    (row,) = [row for row in comparison.rows if row.optimizer.name == "lodo-diagonal"]
    assert set(row.losses) == set(comparison.milestones)


def test_the_unfinished_study_and_run_set_are_finished_as_by_the_former_program(path):
    store, expected = open_store(path), json.loads(text("version3-finished.json"))
    (study,) = [study for study in store.studies() if study.status == "unfinished"]
    assert study.individuals and store.open_study(study.spec, fresh=False).id == study.id
    run_studies([Study(study)], store, Silent(), Cluster(workers=0))
    assert store.study(study.id).hyperparameters == expected["hyperparameters"]
    (run_set,) = [run_set for run_set in store.run_sets("quadratic") if run_set.missing_seeds]
    assert {run.status for run in run_set.runs} == {Status.COMPLETED, Status.INTERRUPTED}
    assert store.open_run_set(run_set.spec).id == run_set.id
    execute_run_set(run_set, store, Silent())
    runs = store.run_set(run_set.id).runs
    assert {str(run.seed): list(run.milestones.values()) for run in runs} == expected["losses"]


@EACH
def test_the_size_of_shards_is_forgotten(path):
    store = open_store(path)
    assert "shard_size" not in "".join(spec for (spec,) in query(path, "SELECT spec FROM studies"))
    for study in store.studies():
        assert store.open_study(study.spec, fresh=False).id == study.id


@pytest.mark.parametrize("version", range(4, SCHEMA_VERSION))
@pytest.mark.parametrize("size", [1, 3, 5, 8, 16])
def test_an_unfinished_study_is_finished_as_by_the_former_program_in_shards_of_any_size(path, version, size):
    store, expected = open_store(path), json.loads(text(f"version{version}-finished.json"))
    (record,) = [study for study in store.studies() if study.status == "unfinished"]
    assert len(record.individuals) == 24
    study = Study(store.open_study(record.spec, fresh=False))
    while not study.finished:
        individuals = evaluate(study.take(size))
        store.add_generation(study.id, study.open_generation())
        store.add_individuals({study.id: individuals})
        study.complete(individuals)
    store.finish_study(study.id, study.result)
    finished = store.study(record.id)
    assert finished.hyperparameters == expected["hyperparameters"]
    assert [individual.fitness for individual in finished.individuals] == expected["fitnesses"]


@pytest.fixture
def with_former_option(path):
    """A store with a run set of lodo that has an option that only the former version had."""
    connection = sqlite3.connect(path)
    options = "json_set(spec, '$.optimizer.options', json('{\"meta_optimizer\": \"sgd\"}'))"
    connection.execute(f"UPDATE run_sets SET spec = {options} WHERE id = 6")
    connection.commit()
    connection.close()
    return open_store(path)


def test_runs_with_a_former_option_are_shown(with_former_option, path, capsys):
    data, label = load_report_data(with_former_option), "lodo (meta_optimizer=sgd)"
    for form, text in RENDERERS.items():
        assert "meta_optimizer" in text(data).replace("\\_", "_"), form
    rows = [row for comparison, _ in data.comparisons for row in comparison.rows]
    assert [len(row.results) > 0 for row in rows if row.optimizer.label == label] == [True]
    show_run_set(with_former_option.run_set(6), with_former_option, json=False)
    assert f"Run set 6: {label} on quadratic" in capsys.readouterr().out
    print_list("run-sets", None, lambda: with_former_option, wide=False, json=False)
    assert label in capsys.readouterr().out


def test_runs_with_a_former_option_are_not_resumed(with_former_option):
    record = with_former_option.run_set(6)
    message = "unknown option 'meta_optimizer' of lodo. Known: "
    with pytest.raises(UnknownNameError, match=message):
        execute_run_set(replace(record, runs=record.runs[:1]), with_former_option, Silent())
    with pytest.raises(UnknownNameError, match=message):
        trajectory(record.spec, 0, with_former_option)
    assert with_former_option.run_set(6) == record


@EACH
def test_nothing_is_noted_of_what_is_there_and_it_can_be(path):
    store = open_store(path)
    records = [*store.study_summaries(), *store.run_sets()]
    assert {record.annotation for record in records} == {Annotation()}
    database = Database(str(path), create=False)
    for kind in ("study", "run-set"):
        annotate(database, kind, 1, lambda former: former.with_tags(["old"]))
    assert (store.study(1).annotation.tags, store.run_set(1).annotation.tags) == (("old",), ("old",))
    database.close()


@EACH
def test_facts_about_its_code_are_asked_of_the_code(path):
    records = open_store(path).run_sets()
    assert {record.facts for record in records} == {None}
    completed = with_facts(records)
    assert [record.facts for record in completed] == [facts_of(record.spec) for record in records]
    assert {record.facts.complexity for record in completed} != {""}


@EACH
def test_the_kinds_of_hyperparameters_are_asked_of_the_code(path):
    studies = open_store(path).studies()
    assert {study.kinds for study in studies} == {None}
    assert {study.id: set(kinds_of(study)) for study in studies} == {s.id: set(s.summary.searched) for s in studies}


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_upgrade_that_fails_leaves_it_as_it_was(path, monkeypatch, error):
    def fail(_connection):
        raise error

    monkeypatch.setattr(version4, "_rewrite_run_sets", fail)
    with pytest.raises(error):
        Database(str(path), create=False)
    assert path.read_bytes() == CONTENTS[3]


@EACH
def test_a_last_step_that_fails_undoes_those_before_it(path, version, monkeypatch):
    monkeypatch.setattr(version10, "upgrade", lambda _operations: 1 / 0)
    monkeypatch.setitem(migrations._STEPS, SCHEMA_VERSION, version10.upgrade)
    with pytest.raises(ZeroDivisionError):
        Database(str(path), create=False)
    assert path.read_bytes() == CONTENTS[version]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_an_interrupt_in_any_statement_leaves_it_as_it_was(path, share):
    statements = []

    def count(_connection, _cursor, statement, *_):
        statements.append(statement)

    def interrupt(_connection, _cursor, statement, *_):
        statements.append(statement)
        if len(statements) == wanted:
            raise KeyboardInterrupt

    def opened(listener):
        statements.clear()
        event.listen(Engine, "before_cursor_execute", listener)
        try:
            Database(str(path), create=False).close()
        finally:
            event.remove(Engine, "before_cursor_execute", listener)

    opened(count)
    within = [
        number for number, statement in enumerate(statements, 1) if statement.startswith("UPDATE lodo_bench_schema")
    ]
    begun = 1 + next(number for number, statement in enumerate(statements, 1) if statement == "BEGIN IMMEDIATE")
    wanted = round(begun + share * (within[-1] - begun))
    path.write_bytes(CONTENTS[3])
    with pytest.raises(KeyboardInterrupt):
        opened(interrupt)
    assert query(path, "SELECT version FROM lodo_bench_schema") == [(3,)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    opened(count)
    assert query(path, "SELECT version FROM lodo_bench_schema") == [(SCHEMA_VERSION,)]


def test_one_that_cannot_be_written_is_not_opened_for_writing(path):
    def forbid(connection, _record):
        connection.execute("PRAGMA query_only=ON")

    event.listen(Engine, "connect", forbid)
    try:
        with pytest.raises(DatabaseError, match="schema version 3 and cannot be upgraded") as caught:
            Database(str(path), create=True)
    finally:
        event.remove(Engine, "connect", forbid)
    assert caught.value.remedy == Remedy.COPY_DATABASE
    assert path.read_bytes() == CONTENTS[3]


barrier = None


def meet_at(shared):
    global barrier
    barrier = shared


def upgrade(path):
    """Open a database at the same moment as the other process; returns the notices and the number of studies."""
    notices = []
    barrier.wait(60)
    database = Database(path, create=False, on_notice=notices.append)
    found = len(notices), len(Store(database).studies())
    database.close()
    return found


def die_amid_the_upgrade(path):
    version4._rewrite_run_sets = lambda _connection: os._exit(9)
    Database(path, create=False)


def test_of_two_processes_one_upgrades_and_the_other_waits(path):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, meet_at, (context.Barrier(2),)) as pool:
        found = [pool.submit(upgrade, str(path)) for _ in range(2)]
        studies = len(query(path, "SELECT id FROM studies"))
        assert sorted(future.result() for future in found) == [(0, studies), (1, studies)]


def test_a_process_that_is_killed_amid_the_upgrade_leaves_it_whole(path):
    process = multiprocessing.get_context("spawn").Process(target=die_amid_the_upgrade, args=(str(path),))
    process.start()
    process.join(120)
    assert process.exitcode == 9
    assert query(path, "SELECT version FROM lodo_bench_schema") == [(3,)]
    notices = []
    database = Database(str(path), create=False, on_notice=notices.append)
    assert len(notices) == 1 and Store(database).studies() != []
    database.close()
