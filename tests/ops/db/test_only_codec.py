"""There is one codec: nothing else in the packages encodes or decodes the state of events."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("schemas", "domain", "credentials", "gateway", "projections", "dashboard", "ops")
CODEC = "ops/db/codec.py"
LIBRARY_CODECS = {
    "Mapper",
    "Transcoder",
    "JSONTranscoder",
    "Transcoding",
    "Compressor",
    "ZlibCompressor",
    "Cipher",
    "AESCipher",
    "MessagePackMapper",
}
"""The library's places to put an encoding."""
STORED_ROW = "StoredEvent"
CARRIERS = {"ops/db/event_store.py", "ops/db/event_log.py", "ops/db/recorder.py", "ops/db/seals.py"}
"""They carry stored rows between the table and the codec, unopened."""
ENCODERS = {"json", "msgspec", "pickle", "marshal", "zstandard", "zlib", "pydantic", "pydantic_core", "orjson"}
EVENTS_TABLE = "nexus_events"


def offences(root: Path) -> list[str]:
    """Every sign of a second codec in the packages below ``root``."""
    found: list[str] = []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if name != CODEC:
                forbidden = LIBRARY_CODECS if name in CARRIERS else LIBRARY_CODECS | {STORED_ROW}
                found += [f"{name}: {what}" for what in _offences_in(ast.parse(path.read_text("utf-8")), forbidden)]
    return found


def _offences_in(tree: ast.Module, forbidden: set[str]) -> Iterator[str]:
    nodes = list(ast.walk(tree))
    for node in nodes:
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) if name in forbidden:
                yield f"names the library's {name}"
            case ast.Constant(value="TRANSCODER_TOPIC" | "MAPPER_TOPIC" | "COMPRESSOR_TOPIC" | "CIPHER_TOPIC"):
                yield f"configures an encoding in line {node.lineno}"
            case _:
                pass
    if any(_is_sql_on_state(node) for node in nodes):
        yield from (f"imports {name} and has SQL on the state of events" for name in _imported(nodes) & ENCODERS)


def _is_sql_on_state(node: ast.AST) -> bool:
    """A string that touches the column ``state`` of the events table."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return False
    return EVENTS_TABLE in node.value and bool(re.search(r"\bstate\b|\bselect\s+\*|\.\*", node.value, re.IGNORECASE))


def _imported(nodes: list[ast.AST]) -> set[str]:
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {module.split(".")[0] for module in modules}


def test_there_is_no_second_codec() -> None:
    assert offences(ROOT) == []


def test_the_codec_itself_is_where_it_is_expected() -> None:
    tree = ast.parse((ROOT / CODEC).read_text("utf-8"))
    assert any("Mapper" in what for what in _offences_in(tree, LIBRARY_CODECS))


@pytest.mark.parametrize(
    "planted",
    [
        "from eventsourcing.persistence import Mapper\nclass Mine(Mapper): ...",
        "from eventsourcing import persistence\nclass Mine(persistence.JSONTranscoder): ...",
        'import json\nSQL = "SELECT state FROM nexus_events"\nread = json.loads',
        'from msgspec import json\nSQL = "INSERT INTO nexus_events (topic, state) VALUES ($1, $2)"',
        'import zlib\nSQL = "SELECT * FROM nexus_events"',
        "from eventsourcing.persistence import StoredEvent\nStoredEvent(1, 1, 't', b'')",
        'ENV = {"TRANSCODER_TOPIC": "mine:Mine"}',
    ],
)
def test_a_planted_second_codec_is_found(tmp_path: Path, planted: str) -> None:
    (tmp_path / "projections").mkdir()
    (tmp_path / "projections" / "sly.py").write_text(planted)
    assert offences(tmp_path)


def test_reading_and_showing_events_is_no_codec(tmp_path: Path) -> None:
    (tmp_path / "dashboard").mkdir()
    innocent = 'import json\nSQL = "SELECT max(notification_id) FROM nexus_events"\nshow = json.dumps\nstate = "open"'
    (tmp_path / "dashboard" / "api.py").write_text(innocent)
    assert offences(tmp_path) == []
