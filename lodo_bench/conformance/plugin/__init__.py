"""The pytest plugin: `pytest --lodo-bench my_optimizer.py` checks the optimizers and tasks of a file.

pytest imports this module at every start, so everything that needs PyTorch is imported only when the option is given.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--lodo-bench`."""
    parser.getgroup("lodo-bench").addoption(
        "--lodo-bench",
        action="append",
        default=[],
        metavar="NAME",
        help="check optimizers and tasks of lodo-bench or PyTorch: my_file.py (all that it defines), my_file.py:Class, "
        "package.module.Class or a name such as adam; can be repeated. Without other arguments nothing else is tested.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the checks of the classes that the option names, if it is given."""
    names: list[str] = config.getoption("lodo_bench")
    if not names:
        return
    from lodo_bench.conformance.plugin.nodes import ConformanceCollection

    config.pluginmanager.register(ConformanceCollection(names))
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []  # rather than all tests of the directory
