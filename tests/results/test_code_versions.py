"""Unfinished studies and run sets whose code has changed are neither resumed nor forgotten."""

from dataclasses import replace

import pytest

from lodo_bench.errors import CodeChangedError
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.spec.training import OptimizerSpec, TaskSpec, Tuned
from tests.builders import provenance, run_set_spec, study_spec

MINE = OptimizerSpec("my.py:Mine", version="sha256:1")
EDITED = OptimizerSpec("my.py:Mine", version="sha256:2")


@pytest.fixture
def store(location):
    database = Database(location, create=True)
    yield Store(database, provenance())
    database.close()


def test_an_unfinished_study_is_not_started_anew_with_edited_code(store):
    spec = study_spec()
    first = store.open_study(replace(spec, optimizer=MINE), fresh=False)
    with pytest.raises(CodeChangedError) as caught:
        store.open_study(replace(spec, optimizer=EDITED), fresh=False)
    message = str(caught.value)
    assert all(part in message for part in ("'my.py:Mine'", f"study {first.id}", "sha256:1", "sha256:2"))
    assert store.open_study(replace(spec, optimizer=MINE), fresh=False).id == first.id
    assert store.open_study(replace(spec, optimizer=EDITED), fresh=True).id != first.id


def test_edited_code_of_a_task_is_refused_likewise(store):
    spec = replace(study_spec(), task=TaskSpec("my.py:Task", version="sha256:1"))
    store.open_study(spec, fresh=False)
    with pytest.raises(CodeChangedError, match=r"'my\.py:Task' has changed"):
        store.open_study(replace(spec, task=TaskSpec("my.py:Task", version="sha256:2")), fresh=False)


def test_other_searches_with_edited_code_are_new(store):
    spec = study_spec()
    first = store.open_study(replace(spec, optimizer=MINE), fresh=False)
    assert store.open_study(replace(spec, optimizer=EDITED, seed=spec.seed + 1), fresh=False).id != first.id


def test_a_finished_study_leaves_room_for_edited_code(store):
    spec = study_spec()
    first = store.open_study(replace(spec, optimizer=MINE), fresh=False)
    store.finish_study(first.id, Tuned({"lr": 1.0}))
    assert store.open_study(replace(spec, optimizer=EDITED), fresh=False).id != first.id


def test_an_unfinished_run_set_is_not_started_anew_with_edited_code(store):
    spec = run_set_spec()
    first = store.open_run_set(replace(spec, optimizer=MINE))
    with pytest.raises(CodeChangedError, match=f"run set {first.id} was started: it was sha256:1"):
        store.open_run_set(replace(spec, optimizer=EDITED))
    assert store.open_run_set(replace(spec, optimizer=EDITED), fresh=True).id != first.id
