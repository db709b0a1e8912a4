"""The reviewed table of all routes, `tests/golden/routes.md`: who gets what from each."""

from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parent / "golden" / "routes.md"
FORWARDED = "up"
"""In the table: upstream answers."""


@dataclass(frozen=True)
class Row:
    """One request, and what each who may send it gets."""

    method: str
    path: str
    expected: dict[str, str]

    @property
    def plain_path(self) -> str:
        return self.path.partition("?")[0]


def rows(section: str) -> list[Row]:
    """Of the table under this heading."""
    (text,) = [part for part in TABLE.read_text().split("\n## ") if part.startswith(f"{section}\n")]
    lines = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    (_, _, *who), _, *found = lines
    return [Row(method, path, dict(zip(who, cells, strict=True))) for method, path, *cells in found]
