"""Settings in effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from lodo_bench.api.settings import Setting
from lodo_bench.cli.output import print_json
from lodo_bench.cli.views.table import show_table
from lodo_bench.report.formatting import NOTHING


def print_settings(settings: Sequence[Setting], json: bool) -> None:
    """Print each setting with its value and its origin."""
    if json:
        print_json({"settings": [asdict(setting) for setting in settings]})
        return
    rows = [[each.name, each.value or NOTHING, _origin(each), each.meaning] for each in settings]
    show_table(["setting", "value", "origin", "meaning"], rows, left=4)


def _origin(setting: Setting) -> str:
    if setting.origin == "environment" and setting.source != setting.name:
        return f"environment: {setting.source}"
    return setting.origin
