"""The book of keys: the same from the events in any batches, and no key of which something is unknown."""

from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from credentials.snapshot_file import KeyFile
from domain.account_limits import AccountLimits
from domain.client_keys import ClientKey
from domain.ids import Position
from domain.limits import Limits
from domain.ports import Recorded
from ops.db.event_log import UnknownEvent
from ops.key_book import TOPICS, KeyBook, facts_of
from tests.key_samples import NOON, facts, new_key, snapshot


def events() -> list[Recorded]:
    """Two keys and an account: issued, changed, revoked, limited and no longer limited."""
    one = ClientKey.issue(new_key(1), who="ada", at=NOON)
    two = ClientKey.issue(new_key(2, name="farm"), who="ada", at=NOON)
    acme = AccountLimits.begin("acme", Limits(60), who="ada", at=NOON)
    one.rescope({"all"}, who="ada", at=NOON)
    two.revoke(who="eve", why="", at=NOON)
    one.limit(Limits(tokens_per_hour=5), who="ada", at=NOON)
    other = AccountLimits.begin("other", Limits(1), who="ada", at=NOON)
    other.limit(Limits(), who="ada", at=NOON)
    happened = [*one.collect_events(), *two.collect_events(), *acme.collect_events(), *other.collect_events()]
    return [Recorded(Position(10 + 3 * n), event) for n, event in enumerate(happened)]


EXPECTED = KeyFile(
    snapshot(
        facts(1, scopes=frozenset({"all"}), limits=Limits(tokens_per_hour=5)),
        facts(2, "farm", revoked_at=NOON),
        acme=Limits(60),
    ),
    10 + 3 * 7,
)


@given(st.lists(st.integers(0, 8), max_size=4))
def test_the_same_events_give_the_same_file_in_any_batches(cuts: list[int]) -> None:
    book, recorded = KeyBook(), events()
    places = sorted({0, *cuts, len(recorded)})
    for begin, end in pairwise(places):
        book.take(recorded[begin:end])
        assert book.file().revision == (recorded[end - 1].position if end else 0)
    assert book.file() == EXPECTED


def test_an_empty_book_has_no_keys() -> None:
    assert KeyBook().file() == KeyFile()


def test_a_key_that_a_newer_nexus_changed_is_not_known_any_more() -> None:
    """What it was changed to cannot be known here; perhaps it was shut."""
    book = KeyBook()
    book.take(events())
    about = ClientKey.create_id(new_key(1).key_id)
    book.take([Recorded(Position(90), UnknownEvent(about, 4, "client-key-frozen"))])
    assert list(book.keys) == [new_key(2).key_id]
    book.take([Recorded(Position(91), events()[1].event)])
    assert list(book.keys) == [new_key(2).key_id]
    assert book.file().revision == 91


def test_keys_and_accounts_are_found_by_name() -> None:
    book = KeyBook()
    book.take(events())
    assert {key_id: facts_of(key) for key_id, key in book.keys.items()} == EXPECTED.snapshot.keys
    assert {name: one.limits for name, one in book.accounts.items()} == {"acme": Limits(60), "other": Limits()}


def test_every_event_of_both_aggregates_is_asked_for() -> None:
    assert len(TOPICS) == len(set(TOPICS)) == 7
    assert isinstance(ClientKey.create_id("abcdefgh"), UUID)
