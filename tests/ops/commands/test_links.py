"""``nexus links``: shows why, puts right what is wrong, takes it back, and refuses what cannot be."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from domain.corrections import CorrectionRefusedError
from domain.errors import NexusError, SetupError
from ops.commands import links
from ops.db.pool import Pool
from tests import captures
from tests.captures import Captured
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids


def stranger() -> Captured:
    """The same request, of another account."""
    [one] = captures.exchanges("a_oneshot")
    body = one.body.replace(b'account_uuid\\":\\"', b'account_uuid\\":\\"someone-else')
    assert body != one.body
    return replace(one, n=99, body=body, at=captures.exchanges("e2_rewind")[0].at)


@dataclass(frozen=True)
class Linked:
    """A database with a conversation that branches, and a way to run the commands on it."""

    ids: dict[int, UUID]
    pool: PoolRunner

    def run(self, *words: str) -> str:
        done = CliRunner().invoke(links.app, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        self.pool.run(lambda pool: Store.over(pool).follow())
        return done.stdout

    def said(self, number: int) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.run("show", str(self.ids[number]), "--json"))
        return found


@pytest.fixture
def prepared(
    runner_pool: PoolRunner, migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Linked:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    listed = [*captures.exchanges("e2_rewind"), stranger()]
    ids = request_ids(listed)

    async def fill(pool: Pool) -> None:
        store = Store.over(pool)
        await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed])
        await store.follow()

    runner_pool.run(fill)
    return Linked(ids, runner_pool)


def test_show_says_why(prepared: Linked) -> None:
    text = prepared.run("show", str(prepared.ids[4]))
    assert str(prepared.ids[1]) in text
    for words in ("branches", "confidence 1", "because       history:"):
        assert words in text


def test_a_correction_moves_what_hangs_below_and_undoing_moves_it_back(prepared: Linked) -> None:
    before = prepared.said(5)
    prepared.run("correct", str(prepared.ids[4]), "--root", "--why", "another matter", "--who", "ada")
    moved = prepared.said(4)
    assert (moved["edge"], moved["parent_request_id"], moved["corrected_by"]) == ("root", None, "ada")
    assert {"kind": "correction", "detail": "ada: another matter"} in moved["evidence"]  # type: ignore[operator]  # a list
    assert prepared.said(5)["conversation_id"] == str(prepared.ids[4])
    assert "ada" in prepared.run("list")
    prepared.run("undo", str(prepared.ids[4]))
    assert prepared.said(5) == before
    assert prepared.run("list").strip() == "No link stands corrected."


def test_a_parent_is_named_and_named_again(prepared: Linked) -> None:
    prepared.run("correct", str(prepared.ids[4]), "--parent", str(prepared.ids[2]))
    assert prepared.said(4)["parent_request_id"] == str(prepared.ids[2])
    prepared.run("correct", str(prepared.ids[4]), "--parent", str(prepared.ids[3]))
    assert (prepared.said(4)["parent_request_id"], prepared.said(4)["edge"]) == (str(prepared.ids[3]), "continues")
    assert len(json.loads(prepared.run("list", "--json"))) == 1


@pytest.mark.parametrize(
    ("below", "above", "words"), [(2, 4, "came later"), (4, 4, "came later"), (4, 99, "another tenant")]
)
def test_a_parent_that_cannot_be_is_refused(prepared: Linked, below: int, above: int, words: str) -> None:
    with pytest.raises(SetupError, match=words):
        prepared.run("correct", str(prepared.ids[below]), "--parent", str(prepared.ids[above]))
    assert prepared.run("list").strip() == "No link stands corrected."


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("correct", "ONE"), SetupError),
        (("correct", "ONE", "--root", "--parent", "ONE"), SetupError),
        (("show", "nonsense"), SetupError),
        (("show", str(UUID(int=5))), NexusError),
        (("correct", str(UUID(int=5)), "--root"), NexusError),
        (("undo", "ONE"), CorrectionRefusedError),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    prepared: Linked, words: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        prepared.run(*[word.replace("ONE", str(prepared.ids[1])) for word in words])
    assert len(str(raised.value).splitlines()) == 1
