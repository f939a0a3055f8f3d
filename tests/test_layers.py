"""The rooms: what they may import (contracts in pyproject.toml), no circles, no loose modules, no oversized room."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "lodo_bench"


@pytest.fixture(scope="module")
def imports():
    """Module -> the modules of this package that it imports, inside functions and for type checking as well."""
    graph = grimp.build_graph("lodo_bench", cache_dir=None)
    modules = graph.modules - {"lodo_bench"}  # the public names are imported when they are asked for
    return {module: graph.find_modules_directly_imported_by(module) & modules for module in modules}


def circles(edges):
    """The strongly connected components of more than one node, by repeatedly removing what nothing depends on."""
    left = {node: set(targets) - {node} for node, targets in edges.items()}
    while leaves := [node for node, targets in left.items() if not targets & left.keys()]:
        for node in leaves:
            del left[node]
    while roots := left.keys() - set().union(*left.values()):
        for node in roots:
            del left[node]
    return sorted(left)


def room(module):
    return module.split(".")[1]


def test_the_layers_are_kept():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c"]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_no_files_import_each_other_in_a_circle(imports):
    assert circles(imports) == []


def test_no_rooms_import_each_other_in_a_circle(imports):
    edges = {room(module): set() for module in imports}
    for module, targets in imports.items():
        edges[room(module)] |= {room(target) for target in targets}
    assert circles(edges) == []


def test_every_module_has_a_room():
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert loose == {"errors", "registry", "seeding", "state", "user_code"}


def test_no_room_holds_more_than_15_percent_of_the_lines_but_the_collections_which_grow_with_every_entry():
    lines = Counter()
    for path in PACKAGE.rglob("*.py"):
        lines[path.relative_to(PACKAGE).parts[0]] += path.read_text("utf-8").count("\n")
    for name, count in lines.items():
        limit = 0.25 if name in ("optimizers", "tasks") else 0.15
        assert count <= limit * lines.total(), f"{name} has {count} of {lines.total()} lines"


def test_class_names_are_unique():
    names = Counter(
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_training_needs_nothing_but_torch_and_numpy():
    # An import of anything else than these and the standard library fails, as on a machine without it.
    script = """
import sys
allowed = {"torch", "numpy", "lodo_bench"}
import torch, numpy, numpy.random
before = set(sys.modules)

class Nothing:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and top not in sys.stdlib_module_names and top not in before:
            raise ModuleNotFoundError(f"{name} is not there")

sys.meta_path.insert(0, Nothing())
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.tasks import TASKS
import lodo_bench.tasks.data
import lodo_bench.training.loop
[OPTIMIZERS.load(name) for name in OPTIMIZERS.names], [TASKS.load(name) for name in TASKS.names]
brought = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
assert brought <= allowed, brought
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
