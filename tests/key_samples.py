"""Client keys for tests: as they are issued, and as a gateway knows them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import strategies as st

from credentials import snapshot_file
from credentials.key_snapshot import KeyFacts, KeySnapshot
from credentials.key_text import RANDOM_BYTES, hash_of, make
from credentials.snapshot_file import SNAPSHOT_NAME, KeyFile
from domain.client_keys import NewKey
from domain.key_scopes import DEFAULT_SCOPES, SCOPES
from domain.limits import Limits

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def text_of(number: int) -> str:
    """The key that ``new_key`` and ``facts`` of the same number are of."""
    return make(number.to_bytes(RANDOM_BYTES)).text


def new_key(number: int = 1, name: str = "ci", account: str = "acme", **more: object) -> NewKey:
    made = make(number.to_bytes(RANDOM_BYTES))
    given: dict[str, object] = {
        "key_id": made.key_id,
        "secret_hash": hash_of(made.text).hex(),
        "name": name,
        "account": account,
        "client_domain": "team-a.example",
        "scopes": DEFAULT_SCOPES,
    }
    return NewKey(**given | more)  # type: ignore[arg-type]  # by name


def facts(number: int = 1, name: str = "ci", **more: object) -> KeyFacts:
    made = make(number.to_bytes(RANDOM_BYTES))
    given: dict[str, object] = {
        "key_id": made.key_id,
        "secret_hash": hash_of(made.text),
        "name": name,
        "account": "acme",
        "client_domain": "team-a.example",
        "scopes": DEFAULT_SCOPES,
    }
    return KeyFacts(**given | more)  # type: ignore[arg-type]  # by name


def snapshot(*keys: KeyFacts, **account_limits: Limits) -> KeySnapshot:
    return KeySnapshot({key.key_id: key for key in keys}, account_limits)


def put(folder: Path, *keys: KeyFacts, revision: int = 1) -> Path:
    """Write a snapshot into the folder."""
    path = folder / SNAPSHOT_NAME
    snapshot_file.write(path, KeyFile(snapshot(*keys), revision))
    return path


def all_limits() -> st.SearchStrategy[Limits]:
    counts = st.none() | st.integers(1, 10**15)
    amounts = st.none() | st.decimals("0.000001", 10**9, places=6).filter(bool)
    return st.builds(Limits, counts, counts, counts, amounts)


def moments() -> st.SearchStrategy[datetime]:
    spans = st.timedeltas(timedelta(0), timedelta(days=4000))
    return spans.map(lambda span: NOON + span)


def scope_sets() -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(sorted(SCOPES)), min_size=1)


@st.composite
def key_facts(draw: st.DrawFn) -> KeyFacts:
    """Any key that could be issued."""
    return facts(
        draw(st.integers(0, 2**320 - 1)),
        draw(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=30)),
        account=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}", fullmatch=True)),
        scopes=draw(scope_sets()),
        expires_at=draw(st.none() | moments()),
        revoked_at=draw(st.none() | moments()),
        limits=draw(all_limits()),
    )


DOLLAR = Limits(spend_per_day=Decimal("1.00"))
