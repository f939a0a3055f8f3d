"""JSON documents hold only numbers that JSON has."""

import json
import math

from lodo_bench.files.json import SCHEMA, as_json


def test_numbers_that_are_not_finite_become_null():
    text = as_json({"loss": math.inf, "losses": [1.5, math.nan, (2, -math.inf)], "μ": {"lr": 0.1, "on": True}})
    assert json.loads(text) == {
        "schema": SCHEMA,
        "loss": None,
        "losses": [1.5, None, [2, None]],
        "μ": {"lr": 0.1, "on": True},
    }
    assert "μ" in text
