"""How does an event become the bytes in ``state``, and back? The only place that knows.

``state`` is one JSON object: the event's fields without those that have a column (``originator_id``,
``originator_version``) and without nulls; ``class_version`` is there when it is above 1. Where Zstandard makes it
shorter, the object is compressed. The first byte tells: ``{`` or the magic word of Zstandard.

Older versions are lifted by the class's static methods ``upcast_v1_v2(state)``, ``upcast_v2_v3(state)``, …, which
change the decoded object in place.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache, lru_cache
from typing import Any, get_args, get_type_hints
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEvent, DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from pydantic import BaseModel, ValidationError, create_model

from domain.errors import BrokenPayloadError, UnknownEventError
from ops.db.compression import pack, unpack_frame
from ops.db.topics import EventClass, register_topics
from schemas.stored.events import ExchangeEvent, HeaderFact

MAX_STATE_BYTES = 64 * 1024 * 1024
_HEADERS_REMEMBERED = 5000
_COLUMNS = {"originator_id", "originator_version"}
State = dict[str, Any]
"""A decoded JSON object, as upcasters get it."""


class EventCodec(Mapper[UUID]):
    """Our events and the library's, in one encoding."""

    def __init__(self) -> None:
        # No transcoder, compressor or cipher of the library: both directions are here.
        self._classes = register_topics()

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Raises UnknownEventError if the event's class is not in the registry."""
        event_class = type(domain_event)
        topic = getattr(event_class, "TOPIC", event_class.__qualname__)
        if self._classes.get(topic) is not event_class:
            raise UnknownEventError(f"{event_class.__qualname__} has no registered topic; list it in ops/db/topics.py.")
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=topic,
            state=_encode(domain_event, _shape_of(self._classes[topic])),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Raises UnknownEventError for an event that this version of Nexus has no class for."""
        event_class = self._classes.get(stored_event.topic)
        if event_class is None:
            raise UnknownEventError(f"No class is registered for topic {stored_event.topic!r}.")
        shape = _shape_of(event_class)
        state = _decode(stored_event)
        shape.upcast(state, stored_event.topic)
        state |= {"originator_id": stored_event.originator_id, "originator_version": stored_event.originator_version}
        try:
            return shape.build(state)
        except ValidationError as error:
            raise _broken(stored_event, "does not fit its class") from error


class _Sized(msgspec.Struct):
    byte_count: int = 0


def body_size_in(state: bytes) -> int:
    """How large the body of a ``request-received`` was, and nothing else of it; 0 if the state cannot be read."""
    try:
        return msgspec.json.decode(_json_of(state), type=_Sized).byte_count
    except (BrokenPayloadError, msgspec.DecodeError):
        return 0


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the codec knows of an event class."""

    event_class: EventClass
    model: type[BaseModel]
    """Fields and types; for our own events the class itself."""
    nullable: tuple[str, ...]
    """Fields without a default that may be None: nulls are not stored."""
    has_headers: bool

    @property
    def version(self) -> int:
        version: int = getattr(self.event_class, "class_version", 1)
        return version

    def encode(self, event: DomainEventProtocol[UUID]) -> bytes:
        known = event if isinstance(event, BaseModel) else self.model.model_validate(vars(event))
        state = known.model_dump_json(exclude=_COLUMNS, exclude_none=True).encode()
        if self.version == 1:
            return state
        return b'{"class_version":%d' % self.version + (b"}" if state == b"{}" else b"," + state[1:])

    def upcast(self, state: State, topic: str) -> None:
        stored: int = state.pop("class_version", 1)
        if stored > self.version:
            raise UnknownEventError(f"Version {stored} of {topic!r} is newer than this Nexus; upgrade it.")
        for version in range(stored, self.version):
            getattr(self.event_class, f"upcast_v{version}_v{version + 1}")(state)

    def build(self, state: Mapping[str, Any]) -> DomainEventProtocol[UUID]:
        known = self.model.model_validate({**dict.fromkeys(self.nullable), **self._with_headers(state)})
        if isinstance(known, ExchangeEvent):
            return known
        event: DomainEventProtocol[UUID] = self.event_class(
            **{name: getattr(known, name) for name in self.model.model_fields}
        )
        return event

    def _with_headers(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """A client sends the same lines with every request: each is read once."""
        if not self.has_headers:
            return state
        try:
            return {**state, "headers": tuple([_header(tuple(line.items())) for line in state["headers"]])}
        except (AttributeError, KeyError, TypeError):
            return state  # of another shape: the class says what is wrong with it


@lru_cache(_HEADERS_REMEMBERED)
def _header(line: tuple[tuple[str, Any], ...]) -> HeaderFact:
    return HeaderFact.model_validate(dict(line))


@cache
def _shape_of(event_class: EventClass) -> _Shape:
    model = event_class if issubclass(event_class, BaseModel) else _model_of(event_class)
    required = {name: field.annotation for name, field in model.model_fields.items() if field.is_required()}
    nullable = tuple(name for name, annotation in required.items() if type(None) in get_args(annotation))
    return _Shape(event_class, model, nullable, issubclass(model, ExchangeEvent) and "headers" in model.model_fields)


def _model_of(event_class: type[DomainEvent]) -> type[BaseModel]:
    """A pydantic model with the fields of an aggregate's event."""
    hints = get_type_hints(event_class)
    named: dict[str, Any] = {
        field.name: (hints[field.name], ... if field.default is MISSING else field.default)
        for field in fields(event_class)
    }
    return create_model(event_class.__name__, **named)


def _encode(event: DomainEventProtocol[UUID], shape: _Shape) -> bytes:
    _, state = pack(shape.encode(event))
    return state


def _decode(stored: StoredEvent) -> State:
    try:
        state: State = msgspec.json.decode(_json_of(stored.state), type=dict[str, Any])
    except (BrokenPayloadError, msgspec.DecodeError) as error:
        raise _broken(stored, "is not readable") from error
    return state


def _json_of(state: bytes) -> bytes:
    return state if state[:1] == b"{" else unpack_frame(state, MAX_STATE_BYTES)


def _broken(stored: StoredEvent, what: str) -> MapperDeserialisationError:
    where = f"event {stored.originator_version} of {stored.originator_id}"
    return MapperDeserialisationError(f"The state of {where} ({stored.topic}) {what}.")
