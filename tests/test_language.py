"""The language of docstrings: what ruff's D401 and codespell do not check."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "lodo_bench"
NODES = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
QUESTION = re.compile(r"(What|Who|Whom|Whose|How|Whether|Where|Which|When)\b")
REFERENCE = re.compile(r"See `[^`]+`\.?")


def trees():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE.parent), ast.parse(path.read_text("utf-8"))


def docstrings():
    """File, line and text of each docstring."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, NODES) and (text := ast.get_docstring(node)):
                yield path, node.body[0].lineno, text


def test_no_docstring_opens_with_a_question_word():
    assert [f"{path}:{line}: {text}" for path, line, text in docstrings() if QUESTION.match(text)] == []


def test_no_docstring_is_only_a_reference():
    assert [f"{path}:{line}: {text}" for path, line, text in docstrings() if REFERENCE.fullmatch(text)] == []
