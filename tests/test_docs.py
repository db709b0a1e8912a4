"""The docs are in step with the code: generated tables, links, commands, settings, routes, words."""

import json
import re
from collections.abc import Iterator
from configparser import RawConfigParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway.config import GatewayConfig
from gateway.metrics import Metrics
from gateway.published import snapshot
from gateway.shipper import ShipperState
from ops.cli import SUB_COMMANDS, app
from ops.clock import utc_now
from ops.part_metrics import DashboardNumbers, ProjectorNumbers, ShipperNumbers
from ops.settings import Settings
from ops.settings_text import table
from projections.runner import RunnerState
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


def metric_names() -> set[str]:
    """All that a host can say, as Prometheus shows it."""
    parts = [
        snapshot(counting_gateway().registry),
        ShipperNumbers(ShipperState(), ROOT / "none", utc_now).say(),
        ProjectorNumbers(RunnerState(), utc_now).say(),
        DashboardNumbers(dict).say(),
    ]
    names = {family.name + ("_total" if family.kind == "counter" else "") for said in parts for family in said.families}
    return {name for name in names if name.startswith("nexus_")} | {"nexus_part_up", "nexus_disk_used_ratio"}


def counting_gateway() -> Metrics:
    metrics = Metrics(lambda: 0)
    metrics.watch_recording(is_on=True, trouble=lambda: None)
    return metrics


def test_every_number_is_documented_and_every_documented_number_is_there() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    said = set(re.findall(r"`(nexus_\w+)`", text))
    assert said == metric_names()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_json_and_units_in_the_docs_can_be_read(path: Path) -> None:
    for block in re.findall(r"^```json\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
        json.loads(block)
    for block in re.findall(r"^```ini\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
        unit = RawConfigParser(strict=False)
        unit.read_string(block)
        assert unit.get("Service", "ExecStart").endswith("nexus up")


def test_the_proxies_settings_hold_nothing_back_and_send_nothing_twice() -> None:
    """What was seen to work with the real ones: events at once, the client's going noticed, the path untouched."""
    text = (ROOT / "docs" / "deployment.md").read_text()
    nginx, caddy = (snippet(text, name) for name in ("nginx", "caddy"))
    for line in ("proxy_buffering off;", "proxy_next_upstream off;", "proxy_http_version 1.1;", 'Connection "";'):
        assert line in nginx
    assert "proxy_pass http://nexus_gateway;" in nginx
    assert "X-Forwarded" not in "".join(line.partition("#")[0] for line in nginx.splitlines())
    assert "flush_interval" not in caddy
    assert "compression off" in caddy
    limit = int(re.search(r"client_max_body_size (\d+)m;", nginx)[1])  # type: ignore[index]  # it is there
    assert limit * 2**20 > GatewayConfig(journal_root=ROOT, fingerprint_key=b"").body_limit
    silence = int(re.search(r"proxy_read_timeout (\d+)s;", nginx)[1])  # type: ignore[index]  # it is there
    assert silence > GatewayConfig(journal_root=ROOT, fingerprint_key=b"").upstream_idle_s


def snippet(text: str, name: str) -> str:
    return text.split(f"<!-- snippet: {name} -->", 1)[1].split("<!-- end snippet -->", 1)[0]
