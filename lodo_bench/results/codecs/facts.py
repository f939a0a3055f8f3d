"""Facts about the optimizer and the task of run sets."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lodo_bench.results.damage import Damages, Fields, is_number, is_text
from lodo_bench.results.schema import JsonObject, RunSetRow
from lodo_bench.spec.facts import Facts
from lodo_bench.spec.training import LossBound


def encode_facts(facts: Facts | None) -> JsonObject | None:
    """Return facts as a JSON object."""
    return None if facts is None else asdict(facts)


def decode_facts(row: RunSetRow, damages: Damages) -> Facts | None:
    """Return the facts of a run set; None where there are none, and in place of damaged ones."""
    rows = [] if row.facts is None else [row]
    return next(damages.sound(rows, _decode), None)


def _decode(row: RunSetRow) -> Facts:
    fields = Fields(row)
    document = fields.document("facts")
    try:
        bound = document["bound"]
        facts = Facts(**{**document, "bound": None if bound is None else LossBound(**bound)})
    except (KeyError, TypeError):
        raise fields.damaged("its facts lack some, or have others") from None
    if not _is_sound(facts):
        raise fields.damaged("its facts are not of their types")
    return facts


def _is_sound(facts: Facts) -> bool:
    texts: list[Any] = [facts.complexity, facts.told]
    flags: list[Any] = [facts.is_compiled, facts.is_scheduled]
    numbers: list[Any] = [] if facts.solved_below is None else [facts.solved_below]
    if facts.bound is not None:
        texts.append(facts.bound.name)
        numbers.append(facts.bound.loss)
    return all(map(is_text, texts)) and all(map(is_number, numbers)) and all(isinstance(flag, bool) for flag in flags)
