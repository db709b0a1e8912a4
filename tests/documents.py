"""Which tables in the docs are made from the code? ``python -m tests.documents`` writes them; a test compares."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel

from ops.settings import Settings
from ops.settings_text import table
from schemas.stored.events import EXCHANGE_EVENTS, ExchangeEvent
from tests.contracts.exceptions import DIFFERENCES, MANAGED, OWN_ANSWERS

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def event_catalogue() -> str:
    """Every event with its fields, from the classes and their docstrings."""
    return "\n".join(line for event in EXCHANGE_EVENTS for line in _event(event))


def _event(event: type[ExchangeEvent]) -> Iterator[str]:
    version = f" v{event.class_version}"
    yield f"### {event.__name__} — `{event.TOPIC}`{version}\n"
    yield f"{_paragraph(event.__doc__ or '')}\n"
    yield "| field | type | meaning |"
    yield "|---|---|---|"
    words = _attribute_docs(event)
    for name, field in event.model_fields.items():
        if name in ExchangeEvent.model_fields:
            continue
        yield f"| `{name}` | {_type(field.annotation)} | {words.get(name, '')} |"
    yield ""


def settings_table() -> str:
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    rows += [
        f"| `{row.variable}` | {f'`{row.default}`' if row.default else ''} | {row.description} |"
        for row in table(Settings)
    ]
    return "\n".join(rows)


def differences_table() -> str:
    rows = ["| | what is different | why |", "|---|---|---|"]
    return "\n".join([*rows, *(f"| {one.name} | {one.what} | {one.why} |" for one in (*DIFFERENCES, MANAGED))])


def own_answers_table() -> str:
    rows = ["| | what | status | why |", "|---|---|---|---|"]
    return "\n".join([*rows, *(f"| {one.name} | {one.what} | {one.status} | {one.why} |" for one in OWN_ANSWERS)])


BLOCKS: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "events": event_catalogue,
        "settings": settings_table,
        "differences": differences_table,
        "own_answers": own_answers_table,
    }
)


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def generated(text: str) -> str:
    """The document with every generated block made anew."""
    return _BLOCK.sub(lambda found: f"<!-- generated: {found[1]} -->\n{BLOCKS[found[1]]()}\n<!-- end -->", text)


def _attribute_docs(model: type[BaseModel]) -> dict[str, str]:
    """The string literal under each attribute."""
    source = (ROOT / "schemas" / "stored" / "events.py").read_text()
    body = source.split(f"class {model.__name__}(", 1)[1].split("\n\n\nclass ", 1)[0]
    found = re.findall(r'^    (\w+): [^\n]+\n    """(.*?)"""', body, re.MULTILINE | re.DOTALL)
    return {name: _paragraph(words) for name, words in found}


def _paragraph(text: str) -> str:
    return " ".join(text.split())


def _type(annotation: object) -> str:
    plain = str(annotation)
    for long, short in (("typing.", ""), ("uuid.", ""), ("schemas.stored.events.", ""), ("NoneType", "None")):
        plain = plain.replace(long, short)
    plain = re.sub(r"<class '(\w+)'>", r"\1", plain)
    return "`" + plain.replace("|", "or") + "`"


def main() -> None:
    for path in documents():
        path.write_text(generated(path.read_text()))


if __name__ == "__main__":
    main()
