"""The snapshot on disk: comes back equal, holds no key, and nothing broken or foreign is believed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.key_snapshot import KeyFacts, KeySnapshot
from credentials.private_files import UnfitFileError
from credentials.snapshot_file import KeyFile, decoded, encoded, read, write
from domain.limits import Limits
from tests.key_samples import DOLLAR, all_limits, facts, key_facts, put, snapshot, text_of

ONE = KeyFile(snapshot(facts(1), facts(2, limits=DOLLAR), acme=Limits(60)), 7)


@st.composite
def key_files(draw: st.DrawFn) -> KeyFile:
    keys = draw(st.lists(key_facts(), max_size=4))
    accounts = draw(st.dictionaries(st.sampled_from(["acme", "ada@b.example", "x"]), all_limits()))
    return KeyFile(KeySnapshot({key.key_id: key for key in keys}, accounts), draw(st.integers(0, 2**62)))


@given(key_files())
def test_it_comes_back_equal(file: KeyFile) -> None:
    assert decoded(encoded(file), "it") == file


def test_it_is_one_private_file(tmp_path: Path) -> None:
    path = tmp_path / "client-keys.json"
    assert read(path) is None
    write(path, ONE)
    assert read(path) == ONE
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_keys_give_the_same_bytes_in_any_order() -> None:
    other = KeyFile(snapshot(facts(2, limits=DOLLAR), facts(1), acme=Limits(60)), 7)
    assert encoded(other) == encoded(ONE)


def test_it_holds_hashes_and_no_key() -> None:
    text = encoded(ONE).decode()
    for number in (1, 2):
        assert facts(number).secret_hash.hex() in text
        assert text_of(number) not in text
        assert text_of(number).split("_")[2] not in text


@given(st.data())
def test_one_changed_byte_of_its_content_is_noticed(data: st.DataObject) -> None:
    """Only white space between words, and what means the same, may differ."""
    whole = bytearray(encoded(ONE))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    try:
        found = decoded(bytes(whole), "it")
    except UnfitFileError:
        return
    assert found == ONE


@given(st.integers(0, len(encoded(ONE)) - 3))
def test_half_a_file_is_none(length: int) -> None:
    with pytest.raises(UnfitFileError, match="broken"):
        decoded(encoded(ONE)[:length], "it")


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr).map(str.encode)
)
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(UnfitFileError):
        decoded(data, "it")


def resigned(change: Any) -> bytes:
    """The file after a change of its content, with a checksum that fits: only the rest of it can be wrong."""
    whole = json.loads(encoded(ONE))
    change(whole["content"])
    plain = json.dumps(whole["content"], sort_keys=True, separators=(",", ":"))
    whole["sha256"] = hashlib.sha256(plain.encode()).hexdigest()
    return json.dumps(whole).encode()


def first(content: Any) -> Any:
    return content["keys"][facts(1).key_id]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("keys"),
        lambda content: content.update(revision="7"),
        lambda content: content["keys"].update({"../../x": first(content)}),
        lambda content: first(content).update(secret_hash="00"),
        lambda content: first(content).update(secret_hash="g" * 64),
        lambda content: first(content).update(scopes="all"),
        lambda content: first(content).update(expires_at="2027-01-01T00:00:00"),
        lambda content: first(content).update(revoked_at=7),
        lambda content: first(content).update(limits={"requests_per_minute": "many"}),
    ],
)
def test_content_of_another_shape_is_refused(change: Any) -> None:
    with pytest.raises(UnfitFileError, match="broken"):
        decoded(resigned(change), "it")


def test_fields_that_nobody_knows_are_ignored_and_obeyed_by_nobody() -> None:
    """Test 52 of the bar: what counts is named, nothing is taken over because it is there."""

    def add(content: Any) -> None:
        content["mode"] = "pass_through"
        first(content).update(role="admin", allowed_routes=["*"], key_id="zzzzzzzz", admin=True)
        first(content)["limits"] = {"unlimited": True}

    found = decoded(resigned(add), "it")
    assert found == ONE
    assert isinstance(found.snapshot.keys[facts(1).key_id], KeyFacts)


def test_a_newer_format_says_what_to_do() -> None:
    newer = encoded(ONE).replace(b'"format": 1', b'"format": 2')
    with pytest.raises(UnfitFileError, match="format 2, this Nexus knows 1; upgrade"):
        decoded(newer, "it")


def test_a_refusal_holds_nothing_of_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, facts(1, name="secret name"))
    path.write_bytes(path.read_bytes().replace(b"acme", b"evil"))
    with pytest.raises(UnfitFileError) as raised:
        read(path)
    assert "secret name" not in str(raised.value)
    assert "evil" not in str(raised.value)
