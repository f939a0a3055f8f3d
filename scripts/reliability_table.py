"""Write the table of docs/reliability.md from what `make faults` injected: python scripts/reliability_table.py FILE."""

from __future__ import annotations

import json
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs/reliability.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEAD = "| fault | times | promised | happened | repeat with |\n| --- | ---: | --- | --- | --- |"


def table(rows: list[dict[str, str | int]]) -> str:
    """Return the table, ordered by fault."""
    lines = []
    for row in sorted(rows, key=lambda row: (row["command"], row["fault"])):
        cells = (row["fault"], f"{row['times']:,}", row["promise"], happened(int(row["broken"])), f"`{row['command']}`")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([HEAD, *lines])


def happened(broken: int) -> str:
    """Return what is said of a promise that was broken in so many tests."""
    return "as promised" if not broken else f"**broken in {broken} of the tests**"


def main() -> None:
    """Replace the table in the page."""
    rows = json.loads(Path(sys.argv[1]).read_text())
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{after}")
    print(f"Wrote {len(rows)} faults to {PAGE.name}.")


if __name__ == "__main__":
    main()
