"""Record of the results that a command has stored, to be told when it is interrupted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Kept:
    """The individuals of each search, and the runs of each optimizer, that are stored.

    Attributes:
        individuals: number of a study -> its stored individuals.
        runs: label of an optimizer -> the runs that this command finished.
        partial: the run that was interrupted and its steps, such as `seed 2 of adam` and 8000; None if there is none.
        otherwise: a sentence for a command that has nothing of these.
    """

    individuals: dict[int, int] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    partial: tuple[str, int] | None = None
    otherwise: str = "Nothing was stored yet."

    def add_runs(self, label: str, count: int = 1) -> None:
        """Count finished runs."""
        self.runs[label] = self.runs.get(label, 0) + count

    def sentence(self) -> str:
        """Return, e.g., `12 individuals of study 3 and 8 of study 4 are stored.`"""
        parts = [f"{_counted(n, 'individual')} of study {study}" for study, n in self.individuals.items() if n]
        parts += [f"{_counted(n, 'finished run')} of {label}" for label, n in self.runs.items() if n]
        if self.partial is not None:
            parts.append(f"{self.partial[0]} up to step {self.partial[1]:,}")
        if not parts:
            return self.otherwise
        is_one = len(parts) == 1 and (self.partial is not None or parts[0].startswith("1 "))
        return f"{_joined(parts)} {'is' if is_one else 'are'} stored."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else f'{noun}s'}"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
