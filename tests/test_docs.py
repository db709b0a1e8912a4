"""The docs are in step with the code: generated tables, links, commands, settings, routes, words."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from ops.cli import SUB_COMMANDS, app
from ops.settings import Settings
from ops.settings_text import table
from schemas.stored.events import EXCHANGE_EVENTS
from tests import documents
from tests.documents import ROOT, generated

DOCUMENTS = documents.documents()
READ = (ROOT / "docs" / "commands.md").read_text
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:schemas|domain|gateway|projections|dashboard|credentials|ops|tests|docs)/[\w/.-]+\.\w+)`")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_generated_tables_are_as_the_code_says(path: Path) -> None:
    """`make docs` writes them."""
    assert generated(path.read_text()) == path.read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    for target in _LINK.findall(text):
        if "://" not in target:
            assert (path.parent / target).exists(), target
    for target in _PATH.findall(text):
        assert (ROOT / target).exists(), target


def commands() -> Iterator[str]:
    """Every command that a user may type."""
    yield from _visible(typer.main.get_command(app), "nexus")
    for name, module, *_ in SUB_COMMANDS:
        if name != "demo":
            yield from _visible(typer.main.get_command(import_module(module).app), f"nexus {name}")


def _visible(command: Any, name: str) -> Iterator[str]:
    """A command has no commands of its own; a group has."""
    for word, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _visible(inner, f"{name} {word}")
    if not hasattr(command, "commands"):
        yield name


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_in_the_table(command: str) -> None:
    assert f"| `{command}" in READ()


@pytest.mark.parametrize("row", table(Settings), ids=lambda row: row.variable)
def test_every_setting_is_documented_and_in_the_example(row: object) -> None:
    variable = getattr(row, "variable")  # noqa: B009 - of a NamedTuple that is not ours to import
    assert f"`{variable}`" in (ROOT / "docs" / "configuration.md").read_text()
    assert variable in (ROOT / ".env.example").read_text()


def test_every_event_is_in_the_catalogue() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert all(f"`{event.TOPIC}`" in text for event in EXCHANGE_EVENTS)


def test_the_way_of_a_byte_has_nine_stops() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    stops = text.split("in nine stops", 1)[1].split("## Folders", 1)[0]
    assert re.findall(r"^(\d)\. \*\*", stops, re.MULTILINE) == [str(n) for n in range(1, 10)]


def test_the_glossary_s_words_are_used_for_what_they_mean() -> None:
    """Names that the glossary forbids name no module."""
    banned = {"utils", "helpers", "common", "manager", "service", "data2", "misc"}
    modules = {
        path.stem
        for folder in ("domain", "gateway", "projections", "dashboard", "ops")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert not banned & modules


def test_readme_images_exist_and_are_used() -> None:
    images = {path.name for path in (ROOT / "docs" / "images").glob("*.png")}
    used = set(re.findall(r"docs/images/([\w.-]+\.png)", (ROOT / "README.md").read_text()))
    assert used
    assert used <= images
