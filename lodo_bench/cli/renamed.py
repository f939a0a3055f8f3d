"""The class of the commands, which refuses options that it would misunderstand and says what an interrupt leaves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperCommand
from typing_extensions import override

from lodo_bench.cli.kept import Kept
from lodo_bench.cli.output import resumable
from lodo_bench.cli.signals import end_at_once, interrupt
from lodo_bench.errors import UsageError

# Long options that are gone, and what to write instead.
_REPLACED: Mapping[str, str] = {
    "--kernel": "--backend",
    "--parameter": "--hyperparameter or -p",
    "--hyperparameters": "--from",
    "--list": "'lodo-bench list experiments'",
}
# Short options that mean something else than before, when an assignment follows them.
_REASSIGNED: Mapping[str, tuple[str, str]] = {"-t": ("--task", "-T"), "-o": ("--output", "-O")}
_ASSIGNMENT = re.compile(r"[a-z_0-9]+=\S*")


class Command(TyperCommand):
    """A command that refuses options of former versions, and single values that are given twice.

    An interrupt is answered by what the command itself says of it, or by one sentence for all others.
    """

    @override
    def parse_args(self, ctx, args):  # type: ignore[no-untyped-def]
        _refuse_former(args)
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        _refuse_repeated(order)
        return super().parse_args(ctx, args)

    @override
    def invoke(self, ctx):  # type: ignore[no-untyped-def]
        # From here on, there may be something to keep; and after it, nothing is left to do but to end.
        try:
            with resumable(Kept(otherwise="Nothing is left half written.")):
                interrupt()
                return super().invoke(ctx)
        finally:
            end_at_once()


def _refuse_former(arguments: Sequence[str]) -> None:
    for index, argument in enumerate(arguments):
        if argument == "--":
            return
        name = argument.partition("=")[0]
        if name in _REPLACED:
            raise UsageError(f"{name} is no longer an option. Write {_REPLACED[name]}.")
        if argument[:2] in _REASSIGNED:
            meaning, option = _REASSIGNED[argument[:2]]
            value = argument[2:] or "".join(arguments[index + 1 : index + 2])
            if _ASSIGNMENT.fullmatch(value):
                raise UsageError(f"{argument[:2]} now means {meaning}. Write {option} {value}.")


def _refuse_repeated(parameters: Sequence[Any]) -> None:
    """Refuse an option with one value that is given more than once, of which only the last would count.

    Args:
        parameters: those that the command line gives, each as often as it does.
    """
    for index, parameter in enumerate(parameters):
        takes_one = parameter.param_type_name == "option" and not (parameter.multiple or parameter.is_flag)
        if takes_one and parameter in parameters[:index]:
            raise UsageError(f"{max(parameter.opts, key=len)} takes one value, and is given twice. Give it once.")


def examples(*commands: str) -> str:
    """Return the examples at the end of a command's help."""
    return "\n\n".join(["Examples:", *commands])
