"""How does a string become part of a page? The one choke point: every string from the wire passes through here.

Theory of operation. Panel runs HTML in almost every pane, title, label and tooltip, so no other module makes panes.
HTML is made by the templates in ``assets``, which escape every value (autoescape, no exception for anything that came
over the wire) and refuse names that nobody set. A page's HTML lies in named regions of its document; ``Surface`` brings
changed regions to the browser. Text that a figure draws, where Bokeh would read TeX, goes through ``plain_label``. The
front, which makes no pages, imports this too: nothing of Panel here.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from dashboard import formatting

ASSETS = Path(__file__).parent / "assets"
STATIC = ASSETS / "static"
"""What browsers fetch by itself: stylesheets and scripts, under ``/assets/``."""
Message = Mapping[str, object]
Regions = Mapping[str, Markup]
_SHOWN_AS_DOLLAR = "\uff04"

_environment = Environment(
    loader=FileSystemLoader(ASSETS),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "number": formatting.number,
    "compact": formatting.compact,
    "bytes": formatting.size,
    "duration": formatting.duration,
    "relative": formatting.relative,
    "until": formatting.until,
    "stamp": formatting.stamp,
    "clock": formatting.clock,
    "iso": formatting.iso,
    "percent": formatting.percent,
    "money": formatting.money,
    "exact_money": formatting.exact_money,
    "plural": formatting.plural,
    "model": formatting.model,
    "short_id": formatting.short_id,
    "one_line": formatting.one_line,
    "json_text": lambda value: msgspec.json.encode(value).decode(),
}


def render(template: str, **values: object) -> Markup:
    """A template of ``assets`` with these values, escaped."""
    return Markup(_environment.get_template(template).render(**values))  # noqa: S704 a template's output is escaped


def document_template() -> Template:
    """The whole document around a page's regions."""
    return _environment.get_template("page.html")


def assets_version() -> str:
    """Changes with any file that browsers keep."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def plain_label(text: str, limit: int) -> str:
    """For text that Bokeh draws: on one line, and never read as TeX."""
    return formatting.one_line(text, limit).replace("$", _SHOWN_AS_DOLLAR).replace("\\", "\u29f5")
