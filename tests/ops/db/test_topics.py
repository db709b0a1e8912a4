"""The registry: fixed topics, one class each, known to the library too."""

import re

import pytest
from eventsourcing.utils import get_topic, resolve_topic

from domain.corrections import LinkCorrection
from ops.db.topics import AGGREGATES, events_of, register_topics, topic_of
from schemas.stored.events import EXCHANGE_EVENTS


def test_every_topic_that_was_ever_stored_is_known() -> None:
    # Topics are in stored rows for ever: names may be added here, none may go.
    assert set(register_topics()) >= {
        "request-received",
        "response-started",
        "chunk-streamed",
        "response-completed",
        "response-aborted",
        "recording-gap",
        "link-corrected",
        "link-correction-undone",
        "client-key-issued",
        "client-key-renamed",
        "client-key-rescoped",
        "client-key-expiry-changed",
        "client-key-limited",
        "client-key-revoked",
        "account-limited",
        "price-set",
        "price-list-imported",
        "price-withdrawn",
        "account-plan-said",
        "project-labelled",
    }


def test_every_event_class_is_registered_under_its_topic() -> None:
    classes = register_topics()
    events = [*EXCHANGE_EVENTS, *(event for aggregate in AGGREGATES for event in events_of(aggregate))]
    assert {topic_of(event): event for event in events} == dict(classes)
    assert len(events) == len(classes)


def test_an_aggregates_events_are_found() -> None:
    assert {topic_of(event) for event in events_of(LinkCorrection)} == {"link-corrected", "link-correction-undone"}


def test_the_library_agrees_on_every_topic() -> None:
    classes = {**register_topics(), **{topic_of(aggregate): aggregate for aggregate in AGGREGATES}}
    assert all(resolve_topic(topic) is stored and get_topic(stored) == topic for topic, stored in classes.items())


def test_no_topic_is_a_class_path() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", topic) for topic in register_topics())


def test_registering_again_changes_nothing() -> None:
    assert register_topics() == register_topics()


def test_the_registry_is_read_only() -> None:
    with pytest.raises(TypeError):
        register_topics()["new"] = EXCHANGE_EVENTS[0]  # type: ignore[index]  # that is the point
