"""`lodo-bench config`: the settings in effect."""

from __future__ import annotations

import typer

from lodo_bench.cli.options import JsonOption
from lodo_bench.cli.renamed import Command, examples

config = typer.Typer(help="Show the settings in effect.", no_args_is_help=True)


@config.callback()
def root() -> None:
    """Show the settings in effect."""


@config.command(cls=Command, epilog=examples("lodo-bench config show", "lodo-bench config show --json"))
def show(json: JsonOption = False) -> None:
    """Show every setting with its value and its origin: a default, an environment variable or a file."""
    from lodo_bench.api.settings import settings_in_effect
    from lodo_bench.cli.views.config import print_settings

    print_settings(settings_in_effect(), json)
