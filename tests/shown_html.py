"""Reads HTML that a template made: elements, attributes, texts, and its bare structure."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_STEP = re.compile(r" (?![^\[]*\])")
VOID = frozenset({"input", "img", "br", "hr", "link", "meta", "circle", "path", "rect"})


@dataclass
class Element:
    """An element with what is in it."""

    name: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, white space made single."""
        return " ".join("".join(self.pieces).split())

    def all(self) -> list["Element"]:
        """Itself and every element below, in order."""
        return [self, *(below for child in self.children for below in child.all())]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        while len(self._open) > 1:
            if self._open.pop().name == tag:
                break

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.pieces.append(data)


def parsed(html: str) -> Element:
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return builder.root


def found(html: str, selector: str) -> list[Element]:
    """``name``, ``.class``, ``name[attribute]`` or ``name[attribute="value"]``; after a space: inside of it."""
    around = [parsed(html)]
    for step in _STEP.split(selector):
        inside = (element for outer in around for element in outer.all() if element is not outer)
        around = list({id(element): element for element in inside if _is(element, step)}.values())
    return around


def _is(element: Element, step: str) -> bool:
    name, _, condition = step.removesuffix("]").partition("[")
    wanted, _, value = condition.partition("=")
    is_so = (
        name[1:] in element.attributes.get("class", "").split() if name.startswith(".") else name in {"", element.name}
    )
    given = element.attributes.get(wanted)
    return is_so and (not wanted or given is not None) and (not value or given == value.strip('"'))


def attributes(html: str, selector: str, attribute: str) -> list[str]:
    return [element.attributes[attribute] for element in found(html, selector) if attribute in element.attributes]


def texts(html: str, selector: str) -> list[str]:
    return [element.text for element in found(html, selector)]


def structure(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """Names of all elements with the names of their attributes: what no text may change."""
    return [(element.name, tuple(sorted(element.attributes))) for element in parsed(html).all()]
