"""A store with a few studies and run sets, in which nothing was computed."""

from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.spec.training import OptimizerSpec, TaskSpec, Tuned
from tests.builders import curve, generation, individual, provenance, run, run_set_spec, study_spec

LAYERED = OptimizerSpec("lodo", {"layers": 8})
ROSENBROCK = TaskSpec("rosenbrock")


def fill(location, **changes):
    """Studies 1 (of adam, finished) and 2 (of lodo, not), and run sets 1 to 5; `changes` are of the provenance."""
    database = Database(str(location), create=True)
    store = Store(database, provenance(**changes))
    for number, optimizer in enumerate(("adam", "lodo")):
        study = store.open_study(study_spec(optimizer=OptimizerSpec(optimizer), seed=number), fresh=True).id
        store.add_generation(study, generation())
        store.add_individuals({study: [individual(0), individual(1, fitness=0.5)]})
    store.finish_study(1, Tuned({"learning_rate": 0.1, "beta1": 0.5}))
    specs = (
        run_set_spec(study_id=1),
        run_set_spec(source="default", values={"learning_rate": 0.001, "beta1": 0.9}),
        run_set_spec("lodo", source="default"),
        run_set_spec(LAYERED, source="default"),
        run_set_spec(source="default", task=ROSENBROCK),
    )
    for number, spec in enumerate(specs):
        opened = store.open_run_set(spec).id
        for seed in range(3):
            store.add_run(opened, run(seed, loss=float(number + 1 + seed)), curve())
    return store, database
