"""Which classes may stand in the event store? One list of topics; a stored topic resolves to these and nothing else.

The library would import whatever module a topic names. Here a topic that is not listed is unknown, so a row in the
table can never make code load.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanMutateAggregate, DomainEvent
from eventsourcing.utils import register_topic

from domain.account_limits import AccountLimits
from domain.account_plans import AccountPlan
from domain.audit import AuditEntry
from domain.client_keys import ClientKey
from domain.corrections import LinkCorrection
from domain.people import Person
from domain.price_list import PriceList
from domain.project_labels import ProjectLabel
from domain.saved_filters import SavedFilters
from schemas.stored.events import EXCHANGE_EVENTS, ExchangeEvent

EventClass = type[ExchangeEvent] | type[DomainEvent]
AGGREGATES: tuple[type[BaseAggregate[UUID]], ...] = (
    LinkCorrection,
    ClientKey,
    AccountLimits,
    PriceList,
    AccountPlan,
    ProjectLabel,
    Person,
    AuditEntry,
    SavedFilters,
)
"""A new aggregate is listed here and nowhere else."""


def register_topics() -> Mapping[str, EventClass]:
    """Every event class by its topic, made known to the library too. May be called again."""
    classes: dict[str, EventClass] = {event.TOPIC: event for event in EXCHANGE_EVENTS}
    for aggregate in AGGREGATES:
        register_topic(topic_of(aggregate), aggregate)
        classes |= {topic_of(event): event for event in events_of(aggregate)}
    for topic, event in classes.items():
        register_topic(topic, event)
    return MappingProxyType(classes)


def events_of(aggregate: type[BaseAggregate[UUID]]) -> list[type[DomainEvent]]:
    """The event classes that an aggregate can record."""
    nested = [value for name, value in vars(aggregate).items() if isinstance(value, type) and name != "Event"]
    return [event for event in nested if issubclass(event, CanMutateAggregate) and issubclass(event, DomainEvent)]


def topic_of(stored: type[Any]) -> str:
    """The fixed name under which a class is stored."""
    topic = vars(stored)["TOPIC"]
    assert isinstance(topic, str)
    return topic
