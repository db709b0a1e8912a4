"""The mode of the moment decides; limits count what is let in, of keys and accounts that have some, and nobody else."""

from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.usage_counts import UsageCounts
from domain.limits import Limits
from gateway.admission import Access, Door
from gateway.authentication import Admission
from gateway.headers import HeaderLines
from gateway.intake import RejectedError
from gateway.limit_ledger import LimitLedger, identity
from gateway.metrics import Metrics
from gateway.modes import WantedMode
from tests.gateway.test_recorder import counted
from tests.managed import Keys, TestKey, Usage, access, key, no_access, snapshot

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TARGET = b"/v1/messages"
COUNTING = b"/v1/messages/count_tokens"
CLIENTS_OWN: HeaderLines = ((b"x-api-key", b"sk-ant-api03-mine"),)


class Stage:
    """A door, and what it writes down."""

    def __init__(self, stored: Access, wanted: WantedMode = "auto", *, local_only: bool = True) -> None:
        self.metrics = Metrics(lambda: 0)
        self.ledger = LimitLedger(None, "one", lambda: 6000.0)
        self.door = Door(wanted, stored, self.ledger, self.metrics, local_only=local_only)
        self.held = ExitStack()

    def admit(self, *lines: tuple[bytes, bytes], target: bytes = TARGET) -> Admission:
        return self.door.admit(tuple(lines), "POST", target, NOW)

    def let_in(self, one: TestKey, target: bytes = TARGET) -> None:
        """And leave it open."""
        self.held.enter_context(self.door.counted(self.admit(one.bearer, target=target), target, NOW))

    def refused(self, one: TestKey, limit: str) -> RejectedError:
        before = counted(self.metrics, f'nexus_limited_requests_total{{limit="{limit}"}}')
        with pytest.raises(RejectedError) as caught:
            self.let_in(one)
        assert counted(self.metrics, f'nexus_limited_requests_total{{limit="{limit}"}}') == before + 1
        assert (caught.value.status, caught.value.reason) == (429, "limited")
        return caught.value

    def requests_of(self, one: TestKey) -> int:
        return self.ledger.counts(identity("key", one.facts.key_id)).current


def test_a_key_that_is_issued_turns_pass_through_into_managed_at_once() -> None:
    keys = Keys()
    stage = Stage(Access(keys, no_access().signer, Usage()))
    assert stage.admit(*CLIENTS_OWN).mode == "pass_through"
    keys.current = snapshot(key())
    with pytest.raises(RejectedError):
        stage.admit(*CLIENTS_OWN)
    assert stage.admit(key().bearer).mode == "managed"


def test_when_it_cannot_be_known_whether_there_are_keys_everything_is_refused() -> None:
    stage = Stage(Access(Keys(unknown=True), no_access().signer, Usage()))
    for lines in ((), CLIENTS_OWN, (key().bearer,)):
        with pytest.raises(RejectedError) as caught:
            stage.admit(*lines)
        assert (caught.value.status, caught.value.reason) == (401, "unauthenticated")


@pytest.mark.parametrize(("wanted", "local_only"), [("managed", True), ("auto", False)])
def test_managed_without_a_key_refuses_everybody(wanted: WantedMode, *, local_only: bool) -> None:
    stage = Stage(no_access(), wanted, local_only=local_only)
    with pytest.raises(RejectedError):
        stage.admit(*CLIENTS_OWN)


def test_pass_through_that_was_asked_for_stays_whatever_keys_there_are() -> None:
    stage = Stage(access(key()), "pass_through", local_only=False)
    assert stage.admit(*CLIENTS_OWN).headers == CLIENTS_OWN
    with pytest.raises(RejectedError) as caught:
        stage.admit(key().bearer)
    assert caught.value.status == 401


NAMES = st.sampled_from(
    [b"authorization", b"Authorization", b"x-api-key", b"x-nexus-key", b"host", b"cookie", b"x-any"]
)
VALUES = st.one_of(
    st.binary(max_size=90),
    st.sampled_from(
        [key(7).text, b"Bearer " + key(7).text, b"team.example", key().facts.key_id.encode(), b"cnx_", b""]
    ),
    st.integers(1, len(key().text) - 1).map(lambda at: b"Bearer " + key().text[:at]),
    st.integers(1, len(key().text) - 1).map(lambda at: key().text[:at] + b"A" + key().text[at + 1 :]),
).filter(lambda value: key().text not in value)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6), st.sampled_from(["auto", "managed", "pass_through"]))
def test_nothing_stored_is_used_for_anybody_without_the_key_whatever_is_sent(
    lines: list[tuple[bytes, bytes]], wanted: WantedMode
) -> None:
    stage = Stage(access(key(), key(2, revoked_at=NOW)), wanted, local_only=False)
    found: Admission | int
    try:
        found = stage.admit(*lines)
    except RejectedError as rejected:
        found = rejected.status
    if wanted == "pass_through" and found != 401:
        assert found == Admission("pass_through", tuple(lines)), "no key, so no tenant, and nobody else's credential"
    else:
        assert found == 401


def test_a_refusal_says_how_to_sign_and_a_wrong_scope_is_told_apart() -> None:
    stage = Stage(access(key()))
    with pytest.raises(RejectedError) as caught:
        stage.admit()
    assert caught.value.lines == ((b"www-authenticate", b'Bearer realm="Nexus"'),)
    with pytest.raises(RejectedError) as caught:
        stage.admit(key().bearer, target=b"/v1/files")
    assert (caught.value.status, caught.value.reason) == (403, "forbidden")


def test_requests_of_a_key_are_limited_and_others_are_not() -> None:
    limited, free = key(1, limits=Limits(requests_per_minute=2)), key(2)
    stage = Stage(access(limited, free))
    stage.let_in(limited)
    stage.let_in(limited)
    assert stage.refused(limited, "requests").lines[0] == (b"retry-after", b"90")
    stage.refused(limited, "requests")
    assert stage.requests_of(limited) == 2, "what is refused does not count"
    stage.let_in(limited, COUNTING)
    stage.let_in(free)
    assert stage.requests_of(free) == 0, "nobody takes a place without need"


def test_streams_come_back_when_they_end() -> None:
    one = key(limits=Limits(concurrent_streams=1))
    stage = Stage(access(one))
    stage.let_in(one)
    stage.refused(one, "streams")
    stage.held.close()
    stage.let_in(one)


def test_a_stream_that_breaks_is_over_too() -> None:
    one = key(limits=Limits(concurrent_streams=1))
    stage = Stage(access(one))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), stage.door.counted(stage.admit(one.bearer), TARGET, NOW):
            raise ZeroDivisionError


def test_all_keys_of_an_account_share_its_limits() -> None:
    one, other, stranger = key(1), key(2), key(3, account="other")
    stage = Stage(access(one, other, stranger, acme=Limits(concurrent_streams=2)))
    stage.let_in(one)
    stage.let_in(other)
    assert "account" in stage.refused(one, "streams").message
    stage.refused(other, "streams")
    stage.let_in(stranger)


@pytest.mark.parametrize(
    ("limits", "used", "name"),
    [
        (Limits(tokens_per_hour=10), {"tokens_by_account": {"acme": 10}}, "tokens"),
        (Limits(spend_per_day=Decimal(2)), {"spend_by_account": {"acme": Decimal("2.01")}}, "spend"),
    ],
)
def test_tokens_and_spend_are_those_that_the_projections_know(limits: Limits, used: dict[str, Any], name: str) -> None:
    usage = Usage()
    stage = Stage(access(key(), usage=usage, acme=limits))
    stage.let_in(key())
    usage.current = UsageCounts(NOW, **used)
    stage.refused(key(), name)
    usage.current = UsageCounts(NOW)
    stage.let_in(key())


def test_of_a_key_only_its_own_usage_counts() -> None:
    one = key(limits=Limits(tokens_per_hour=10))
    used = UsageCounts(NOW, tokens_by_key={one.facts.key_id: 9}, tokens_by_account={"acme": 10**6})
    stage = Stage(access(one, usage=Usage(used)))
    stage.let_in(one)


def test_in_pass_through_nothing_is_counted() -> None:
    stage = Stage(no_access())
    with stage.door.counted(stage.admit(*CLIENTS_OWN), TARGET, NOW):
        pass
