"""How is a list of the read API written for a spreadsheet? Rows in, CSV out (RFC 4180); pure.

A cell that a spreadsheet would take for a formula begins with an apostrophe: names come from the wire.
"""

import csv
import io
from collections.abc import Sequence

from pydantic import BaseModel

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_LEFT_OUT = frozenset({"evidence"})


def csv_of(kind: type[BaseModel], items: Sequence[BaseModel]) -> bytes:
    """Every member of an item but its evidence, named as in the JSON."""
    columns = [field.alias or name for name, field in kind.model_fields.items() if name not in _LEFT_OUT]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for item in items:
        members = item.model_dump(mode="json", by_alias=True)
        writer.writerow([cell(members[column]) for column in columns])
    return out.getvalue().encode("utf-8", "replace")


def cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list():
            return cell(" ".join(map(str, value)))
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
