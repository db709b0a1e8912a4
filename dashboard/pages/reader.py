"""What did the reader do? Messages from the browser, which may hold anything, into the few acts that pages know."""

from dataclasses import dataclass

MAX_TEXT = 4_096


@dataclass(frozen=True, slots=True)
class Ready:
    """The page stands in the browser and listens."""

    search: str
    visible: bool


@dataclass(frozen=True, slots=True)
class Visible:
    """The browser's tab was shown or hidden."""

    visible: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """The address has another query now."""

    search: str


@dataclass(frozen=True, slots=True)
class Acted:
    """Something with a name was clicked or chosen."""

    name: str
    value: str


Act = Ready | Visible | Asked | Acted


def read_act(message: object) -> Act | None:
    """None: nothing that a page knows."""
    match message:
        case {"kind": "ready", "search": str(search), "visible": bool(visible)} if len(search) <= MAX_TEXT:
            return Ready(search, visible)
        case {"kind": "visible", "visible": bool(visible)}:
            return Visible(visible)
        case {"kind": "query", "search": str(search)} if len(search) <= MAX_TEXT:
            return Asked(search)
        case {"kind": "act", "name": str(name), "value": str(value)} if len(name) + len(value) <= MAX_TEXT:
            return Acted(name, value)
        case _:
            return None
