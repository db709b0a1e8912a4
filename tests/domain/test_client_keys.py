"""A client key's life against a plain model: what it is, what it refuses, and the same again from its events."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from eventsourcing.domain import CanMutateAggregate
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.client_keys import KEY_TOPICS, ClientKey, KeyRevokedError, NewKey, UnknownKeyError
from domain.errors import NexusError
from domain.key_rules import UnfitKeyError
from domain.limits import Limits
from tests.key_samples import NOON, all_limits, moments, new_key, scope_sets


def issued(**more: object) -> ClientKey:
    return ClientKey.issue(new_key(**more), who="ada", at=NOON)  # type: ignore[arg-type]  # by name


def replayed(events: list[CanMutateAggregate[Any]]) -> ClientKey:
    key: ClientKey | None = None
    for event in events:
        key = event.mutate(key)
    assert key is not None
    return key


@dataclass
class Model:
    """What a key is, without events."""

    name: str = "ci"
    scopes: frozenset[str] = frozenset({"messages", "count_tokens", "models"})
    expires_at: datetime | None = None
    limits: Limits = field(default_factory=Limits)
    revoked_at: datetime | None = None
    changes: int = 1


class KeyLife(RuleBasedStateMachine):
    """Any changes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.key, self.model, self.now = issued(), Model(), NOON
        self.events: list[CanMutateAggregate[Any]] = []

    def change(self, method: str, value: object, **becomes: object) -> None:
        """Do it to both; a revoked key refuses, and what is so already is no event."""
        self.now += timedelta(seconds=1)
        act = getattr(self.key, method)
        if self.model.revoked_at is not None:
            with pytest.raises(KeyRevokedError):
                act(value, who="bob", at=self.now)
            return
        act(value, who="bob", at=self.now)
        ((field, new),) = becomes.items()
        self.model.changes += getattr(self.model, field) != new
        setattr(self.model, field, new)

    @rule(name=st.sampled_from(["ci", "build farm", "x"]))
    def rename(self, name: str) -> None:
        self.change("rename", name, name=name)

    @rule(scopes=scope_sets(), twice=st.booleans())
    def rescope(self, scopes: frozenset[str], twice: bool) -> None:
        self.change("rescope", [*scopes, *(scopes if twice else ())], scopes=scopes)

    @rule(at=st.none() | moments())
    def change_expiry(self, at: datetime | None) -> None:
        self.change("change_expiry", at, expires_at=at)

    @rule(limits=all_limits())
    def limit(self, limits: Limits) -> None:
        self.change("limit", limits, limits=limits)

    @rule()
    def revoke(self) -> None:
        self.now += timedelta(seconds=1)
        if self.model.revoked_at is not None:
            with pytest.raises(KeyRevokedError):
                self.key.revoke(who="eve", why="again", at=self.now)
            return
        self.key.revoke(who="eve", why="lost", at=self.now)
        self.model.revoked_at = self.now
        self.model.changes += 1

    @rule(what=st.sampled_from(["rename", "rescope", "limit", "change_expiry"]))
    def refuse_nonsense(self, what: str) -> None:
        nonsense: dict[str, Any] = {
            "rename": "",
            "rescope": (),
            "limit": Limits(requests_per_minute=0),
            "change_expiry": datetime(2027, 1, 1),  # noqa: DTZ001  without a zone, that is the point
        }
        act = getattr(self.key, what)
        with pytest.raises((UnfitKeyError, KeyRevokedError)):
            act(nonsense[what], who="bob", at=self.now)

    @invariant()
    def is_what_the_model_is(self) -> None:
        key, model = self.key, self.model
        assert (key.name, key.scopes, key.expires_at, key.limits) == (
            model.name,
            model.scopes,
            model.expires_at,
            model.limits,
        )
        assert (key.revoked_at, key.version) == (model.revoked_at, model.changes)

    @invariant()
    def is_told_the_same_by_its_events(self) -> None:
        self.events += self.key.collect_events()
        assert replayed(self.events) == self.key


TestKeyLife = KeyLife.TestCase


def test_an_issued_key_is_what_was_decided() -> None:
    limits = Limits(requests_per_minute=60)
    new = new_key(expires_at=NOON + timedelta(days=1), scopes=frozenset({"all"}), limits=limits)
    key = ClientKey.issue(new, who="ada", at=NOON)
    facts = (key.key_id, key.secret_hash, key.name, key.account, key.client_domain, key.scopes, key.expires_at)
    assert facts == (
        new.key_id, new.secret_hash, "ci", "acme", "team-a.example", frozenset({"all"}), NOON + timedelta(days=1),
    )  # fmt: skip
    assert (key.limits, key.revoked_at, key.created_on) == (limits, None, NOON)


def test_every_event_says_which_key_who_and_when() -> None:
    key = issued()
    key.rename("x", who="bob", at=NOON + timedelta(hours=1))
    key.rescope({"all"}, who="bob", at=NOON + timedelta(hours=2))
    key.change_expiry(NOON, who="bob", at=NOON + timedelta(hours=3))
    key.limit(Limits(1), who="bob", at=NOON + timedelta(hours=4))
    key.revoke(who="eve", why="lost", at=NOON + timedelta(hours=5))
    events: list[Any] = list(key.collect_events())
    assert tuple(event.TOPIC for event in events) == KEY_TOPICS
    assert {event.key_id for event in events} == {key.key_id}
    assert [event.who for event in events] == ["ada", "bob", "bob", "bob", "bob", "eve"]
    assert [event.timestamp for event in events] == [NOON + timedelta(hours=n) for n in range(6)]
    assert (events[-1].why, key.why_revoked) == ("lost", "lost")


def test_scopes_are_stored_in_one_order() -> None:
    events: list[Any] = list(issued(scopes=frozenset({"models", "files", "messages"})).collect_events())
    assert events[0].scopes == ("files", "messages", "models")


@pytest.mark.parametrize(
    "more",
    [
        {"name": ""},
        {"account": "a b"},
        {"client_domain": "A.example"},
        {"scopes": frozenset({"admin"})},
        {"expires_at": NOON.replace(tzinfo=None)},
        {"expires_at": NOON},
        {"expires_at": NOON - timedelta(seconds=1)},
        {"limits": Limits(tokens_per_hour=0)},
    ],
)
def test_an_unfit_key_is_not_issued(more: dict[str, object]) -> None:
    with pytest.raises(UnfitKeyError):
        issued(**more)


def test_somebody_issues_every_key() -> None:
    with pytest.raises(UnfitKeyError):
        ClientKey.issue(new_key(), who="", at=NOON)


def test_somebody_makes_every_change() -> None:
    key = issued()
    with pytest.raises(UnfitKeyError):
        key.revoke(who="", why="", at=NOON)
    with pytest.raises(UnfitKeyError):
        key.rename("x", who="", at=NOON)
    assert (key.version, key.revoked_at) == (1, None)


def test_a_key_has_one_aggregate_and_its_id_never_changes() -> None:
    key = issued()
    assert key.id == ClientKey.create_id(key.key_id)
    assert ClientKey.create_id("abcdefgh") != ClientKey.create_id("abcdefgi")
    assert str(ClientKey.create_id("abcdefgh")) == "2f30674e-d83f-5106-b7b5-c68b44047c9e"


def test_nothing_shows_the_hash_by_accident() -> None:
    new: NewKey = new_key()
    assert new.secret_hash not in repr(new)


def test_refusals_are_errors_of_ours_that_name_the_key() -> None:
    key = issued()
    key.revoke(who="ada", why="", at=NOON)
    with pytest.raises(KeyRevokedError, match=key.key_id):
        key.rename("x", who="ada", at=NOON)
    assert issubclass(KeyRevokedError, NexusError)
    assert issubclass(UnknownKeyError, NexusError)


def test_what_is_so_already_is_no_event() -> None:
    key = issued()
    key.rename("ci", who="bob", at=NOON)
    key.rescope(["models", "messages", "count_tokens"], who="bob", at=NOON)
    key.change_expiry(None, who="bob", at=NOON)
    key.limit(Limits(), who="bob", at=NOON)
    assert key.version == 1
