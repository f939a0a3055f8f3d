"""Settings in effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from lodo_bench.api.settings import Setting
from lodo_bench.cli.output import print_json

_NONE = "not set"


def print_settings(settings: Sequence[Setting], json: bool) -> None:
    """Print each setting with its value and its origin on a line, which no width folds, and its meaning below."""
    if json:
        print_json({"settings": [asdict(setting) for setting in settings]})
        return
    for each in settings:
        print(f"{each.name} = {each.value or _NONE} ({_origin(each)})")
        print(f"    {each.meaning}")


def _origin(setting: Setting) -> str:
    if setting.origin == "environment" and setting.source != setting.name:
        return f"environment: {setting.source}"
    return setting.origin
