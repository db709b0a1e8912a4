"""The codec: every event comes back equal, old ones are lifted, unknown ones are named, stored bytes never change."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import msgspec
import pytest
from eventsourcing.domain import AggregateCreated, AggregateEvent, DomainEventProtocol
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from domain.account_limits import AccountLimits
from domain.account_plans import AccountPlan
from domain.client_keys import ClientKey
from domain.corrections import LinkCorrection
from domain.errors import UnknownEventError
from domain.price_list import PriceList
from domain.project_labels import ProjectLabel
from ops.db import codec as codec_module
from ops.db.codec import EventCodec, body_size_in
from ops.db.compression import unpack_frame
from ops.db.topics import register_topics
from schemas.stored.events import EXCHANGE_EVENTS, ExchangeEvent, RequestReceived
from tests.key_samples import all_limits, new_key, scope_sets
from tests.price_samples import prices
from tests.shipping import AT, completed, new_request_id, received, streamed
from tests.strategies import exchange_events, moments

GOLDEN = Path(__file__).parents[2] / "golden" / "events"
CODEC = EventCodec()


def state_of(stored: StoredEvent) -> dict[str, object]:
    """The JSON object in ``state``, read independently of the codec's decoder."""
    data = stored.state if stored.state.startswith(b"{") else unpack_frame(stored.state, 10**8)
    state: dict[str, object] = json.loads(data)
    return state


def stored_as(topic: str, state: dict[str, object]) -> StoredEvent:
    return StoredEvent(UUID(int=1), 1, topic, json.dumps(state).encode())


@st.composite
def corrections(draw: st.DrawFn) -> list[DomainEventProtocol[UUID]]:
    """The events of a correction that was made, made again and taken back."""
    parents = st.none() | st.uuids()
    words = st.text(min_size=1, max_size=200)
    at = draw(moments())
    correction = LinkCorrection.begin(draw(st.uuids()), draw(parents), who=draw(words), why=draw(st.text()), at=at)
    correction.correct(draw(parents), who=draw(words), why=draw(st.text()), at=at)
    correction.undo(who=draw(words), why=draw(st.text()), at=at)
    return list(correction.collect_events())


@st.composite
def key_events(draw: st.DrawFn) -> list[DomainEventProtocol[UUID]]:
    """The events of a client key and of its account's limits."""
    at, words = draw(moments()), st.text(min_size=1, max_size=200)
    key = ClientKey.issue(new_key(limits=draw(all_limits()), scopes=draw(scope_sets())), who=draw(words), at=at)
    key.rename("another", who=draw(words), at=at)
    key.rescope(draw(scope_sets()), who=draw(words), at=at)
    key.change_expiry(draw(st.none() | moments()), who=draw(words), at=at)
    key.limit(draw(all_limits()), who=draw(words), at=at)
    key.revoke(who=draw(words), why=draw(st.text()), at=at)
    account = AccountLimits.begin("acme", draw(all_limits()), who=draw(words), at=at)
    account.limit(draw(all_limits()), who=draw(words), at=at)
    return [*key.collect_events(), *account.collect_events()]


@st.composite
def price_events(draw: st.DrawFn) -> list[DomainEventProtocol[UUID]]:
    """The events of the price list, of an account's plan and of a project's label."""
    at, who = draw(moments()), draw(st.text("abc", min_size=1, max_size=20))
    one = draw(prices())
    several = draw(st.lists(prices(), min_size=1, max_size=3, unique_by=lambda price: price.key))
    own = PriceList.with_price(None, one, who=who, at=at)
    own = PriceList.without(own, one.key, who=who, at=at)
    own = PriceList.with_all(own, several, origin="prices.json", who=who, at=at)
    plan = AccountPlan.begin("acme", "api", who=who, at=at)
    plan.say("subscription", who=who, at=at)
    label = ProjectLabel.begin("dir:0123456789abcdef", draw(st.text("abc ", max_size=9)).strip(), who=who, at=at)
    label.call("another", who=who, at=at)
    return [*own.collect_events(), *plan.collect_events(), *label.collect_events()]


@given(exchange_events())
def test_every_event_of_an_exchange_comes_back_equal(event: ExchangeEvent) -> None:
    back = CODEC.to_domain_event(CODEC.to_stored_event(event))
    assert type(back) is type(event)
    assert back == event


@given(corrections() | key_events() | price_events())
def test_every_event_of_an_aggregate_comes_back_equal(events: list[DomainEventProtocol[UUID]]) -> None:
    for event in events:
        back = CODEC.to_domain_event(CODEC.to_stored_event(event))
        assert type(back) is type(event)
        assert back == event


@given(exchange_events())
def test_the_state_is_one_json_object_without_nulls_and_without_what_has_a_column(event: ExchangeEvent) -> None:
    state = state_of(CODEC.to_stored_event(event))
    assert None not in state.values()
    assert not {"originator_id", "originator_version", "class_version"} & state.keys()


@given(exchange_events())
def test_encoding_again_gives_the_same_bytes(event: ExchangeEvent) -> None:
    stored = CODEC.to_stored_event(event)
    assert CODEC.to_stored_event(CODEC.to_domain_event(stored)) == stored


def test_a_large_state_is_compressed_and_a_small_one_is_not() -> None:
    request_id = new_request_id()
    assert CODEC.to_stored_event(received(request_id, target="/" + "a" * 4000)).state[:4] == b"\x28\xb5\x2f\xfd"
    assert CODEC.to_stored_event(streamed(request_id, 2, 0, b"abc")[0]).state.startswith(b'{"')


def test_the_json_is_compact() -> None:
    state = CODEC.to_stored_event(streamed(new_request_id(), 2, 0, b"abc")[0]).state
    assert msgspec.json.format(state, indent=-1) == state


# --- what was stored once is readable for ever


def golden_files() -> list[Path]:
    return sorted(GOLDEN.glob("*.json"))


@pytest.mark.bar(25)
@pytest.mark.parametrize("path", golden_files(), ids=lambda path: path.stem)
def test_a_golden_event_decodes_and_encodes_to_the_same(path: Path) -> None:
    golden = json.loads(path.read_text())
    event = CODEC.to_domain_event(
        StoredEvent(
            UUID(golden["originator_id"]),
            golden["originator_version"],
            golden["topic"],
            json.dumps(golden["state"]).encode(),
        )
    )
    again = CODEC.to_stored_event(event)
    assert (str(again.originator_id), again.originator_version) == (
        golden["originator_id"],
        golden["originator_version"],
    )
    assert again.topic == golden["topic"]
    if version_of(golden["topic"]) == golden["state"].get("class_version", 1):
        assert state_of(again) == golden["state"]


def version_of(topic: str) -> int:
    version: int = getattr(register_topics()[topic], "class_version", 1)
    return version


@pytest.mark.bar(25)
def test_there_is_a_golden_file_for_every_topic_and_version() -> None:
    promised = {f"{topic}.v{n}" for topic in register_topics() for n in range(1, version_of(topic) + 1)}
    assert promised <= {path.stem for path in golden_files()}


def test_a_golden_file_says_which_topic_and_version_it_is() -> None:
    for path in golden_files():
        golden = json.loads(path.read_text())
        assert path.stem == f"{golden['topic']}.v{golden['state'].get('class_version', 1)}"


@pytest.mark.parametrize("event_class", EXCHANGE_EVENTS, ids=lambda event_class: event_class.TOPIC)
def test_the_golden_file_fills_every_field(event_class: type[ExchangeEvent]) -> None:
    state = json.loads((GOLDEN / f"{event_class.TOPIC}.v{event_class.class_version}.json").read_text())["state"]
    fields = set(event_class.model_fields) - {"originator_id", "originator_version"}
    assert fields == set(state) - {"class_version"}


# --- versions


class Lifted(ExchangeEvent):
    """An event in its third version: ``name`` was ``title`` once, and had no ``size``."""

    TOPIC: ClassVar[str] = "test-lifted"
    class_version: ClassVar[int] = 3

    name: str
    size: int

    @staticmethod
    def upcast_v1_v2(state: dict[str, object]) -> None:
        state["name"] = state.pop("title")

    @staticmethod
    def upcast_v2_v3(state: dict[str, object]) -> None:
        state["size"] = len(str(state["name"]))


class Priced(AggregateEvent):
    """An event of an aggregate with the types that the library's own transcoder knows."""

    TOPIC = "test-priced"
    price: Decimal
    since: datetime
    until: datetime | None
    tags: tuple[str, ...]
    note: str = "none"


class Opened(AggregateCreated):
    """An event of an aggregate that no registry lists."""

    TOPIC = "test-opened"


@pytest.fixture
def wider(monkeypatch: pytest.MonkeyPatch) -> EventCodec:
    """A codec that knows two more classes."""
    known = {**register_topics(), "test-lifted": Lifted, "test-priced": Priced}
    monkeypatch.setattr(codec_module, "register_topics", lambda: known)
    return EventCodec()


def lifted(name: str, size: int) -> Lifted:
    return Lifted(originator_id=UUID(int=1), originator_version=1, timestamp=AT, name=name, size=size)


@pytest.mark.parametrize(
    "state",
    [
        {"title": "abc"},
        {"title": "abc", "class_version": 1},
        {"name": "abc", "class_version": 2},
        {"name": "abc", "size": 3, "class_version": 3},
    ],
    ids=["unmarked", "v1", "v2", "v3"],
)
def test_an_old_event_is_lifted_step_by_step(wider: EventCodec, state: dict[str, object]) -> None:
    stored = stored_as("test-lifted", {"timestamp": AT.isoformat(), **state})
    assert wider.to_domain_event(stored) == lifted("abc", 3)


def test_a_later_version_is_marked(wider: EventCodec) -> None:
    stored = wider.to_stored_event(lifted("abc", 3))
    assert state_of(stored)["class_version"] == 3
    assert wider.to_domain_event(stored) == lifted("abc", 3)


def test_a_version_from_the_future_is_unknown(wider: EventCodec) -> None:
    state: dict[str, object] = {"name": "abc", "size": 3, "class_version": 4, "timestamp": AT.isoformat()}
    with pytest.raises(UnknownEventError, match="newer"):
        wider.to_domain_event(stored_as("test-lifted", state))


@given(
    st.decimals(allow_nan=False, allow_infinity=False), moments(), st.none() | moments(), st.lists(st.text()).map(tuple)
)
def test_fields_of_aggregates_keep_their_types(
    price: Decimal, since: datetime, until: datetime | None, tags: tuple[str, ...]
) -> None:
    shape = codec_module._shape_of(Priced)
    event = Priced(UUID(int=1), 1, AT, price=price, since=since, until=until, tags=tags)  # type: ignore[call-arg]  # the metaclass makes it a dataclass
    stored = StoredEvent(UUID(int=1), 1, "test-priced", codec_module._encode(event, shape))
    back = shape.build({**state_of(stored), "originator_id": UUID(int=1), "originator_version": 1})
    assert back == event


def test_a_field_that_came_later_has_its_default(wider: EventCodec) -> None:
    state: dict[str, object] = {"timestamp": AT.isoformat(), "price": "1.50", "since": AT.isoformat(), "tags": []}
    event = wider.to_domain_event(stored_as("test-priced", state))
    assert (event.note, event.until, event.price) == ("none", None, Decimal("1.50"))  # type: ignore[attr-defined]  # a protocol has no such fields


# --- what cannot be read


def test_a_topic_without_a_class_is_unknown() -> None:
    with pytest.raises(UnknownEventError, match="moon-landed"):
        CODEC.to_domain_event(stored_as("moon-landed", {}))


def test_a_stored_topic_never_makes_code_load() -> None:
    # The library's resolver would import the module that a topic names.
    for topic in ("json:dumps", "ops.db.codec:EventCodec", "antigravity", "link-correction"):
        with pytest.raises(UnknownEventError):
            CODEC.to_domain_event(stored_as(topic, {}))


def test_a_class_without_a_topic_is_refused_on_the_way_in() -> None:
    class Stray(ExchangeEvent):
        TOPIC: ClassVar[str] = "request-received"

    with pytest.raises(UnknownEventError, match="topics"):
        CODEC.to_stored_event(Stray(originator_id=UUID(int=1), originator_version=1, timestamp=AT))
    with pytest.raises(UnknownEventError):
        CODEC.to_stored_event(Opened(UUID(int=1), 1, AT, "test"))


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b"\x28\xb5\x2f\xfdbroken", b'{"timestamp": "never"}', b"null"])
def test_a_broken_state_names_its_event(state: bytes) -> None:
    with pytest.raises(MapperDeserialisationError, match="event 7 of 00000000-0000-0000-0000-000000000001"):
        CODEC.to_domain_event(StoredEvent(UUID(int=1), 7, "response-completed", state))


@pytest.mark.parametrize("headers", ["none", [1], [{"value": "v"}], [{"name": ["n"]}], None])
def test_headers_of_another_shape_are_broken(headers: object) -> None:
    stored = CODEC.to_stored_event(received(UUID(int=1)))
    state = msgspec.json.encode({**state_of(stored), "headers": headers})
    with pytest.raises(MapperDeserialisationError):
        CODEC.to_domain_event(StoredEvent(UUID(int=1), 1, stored.topic, state))


def test_header_lines_that_came_before_are_read_once() -> None:
    stored = CODEC.to_stored_event(received(UUID(int=1)))
    first, second = CODEC.to_domain_event(stored), CODEC.to_domain_event(stored)
    assert isinstance(first, RequestReceived)
    assert isinstance(second, RequestReceived)
    assert first == second
    assert all(one is other for one, other in zip(first.headers, second.headers, strict=True))


def test_a_time_keeps_its_microseconds() -> None:
    event = completed(UUID(int=1), 1).model_copy(update={"timestamp": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)})
    assert CODEC.to_domain_event(CODEC.to_stored_event(event)) == event


@pytest.mark.parametrize("size", [0, 7, 10**9])
@pytest.mark.parametrize("target", ["/v1/messages", "/" + "long" * 400])
def test_the_length_of_a_body_is_read_from_the_stored_state(size: int, target: str) -> None:
    event = received(new_request_id(), target=target).model_copy(update={"byte_count": size})
    stored = CODEC.to_stored_event(event)
    assert body_size_in(stored.state) == size


@pytest.mark.parametrize("state", [b"", b"{", b'{"byte_count":"x"}', b"\x28\xb5\x2f\xfdbroken", b"\xff"])
def test_a_state_that_cannot_be_read_counts_nothing(state: bytes) -> None:
    assert body_size_in(state) == 0
