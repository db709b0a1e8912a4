"""The people: each device with an identity of its own, and credentials that open nothing."""

import pytest

from ops.demo.people import BILLING, INES, JONAS, LUMEN, MAYA, MAYA_LAPTOP, PIPELINE, RELAY, SENSORS, TOMAS, Person

EVERYBODY = (MAYA, MAYA_LAPTOP, TOMAS, INES, PIPELINE, JONAS)


def test_a_device_is_one_persons_at_one_place() -> None:
    assert len({person.device_id for person in EVERYBODY}) == len(EVERYBODY)
    assert len({MAYA.name, MAYA_LAPTOP.name}) == 1


@pytest.mark.parametrize("person", EVERYBODY)
def test_credentials_say_that_they_open_nothing(person: Person) -> None:
    header, value = person.credential
    assert header == ("authorization" if person.subscribed else "x-api-key")
    assert value.startswith("Bearer sk-ant-oat01-demo" if person.subscribed else "sk-ant-api03-demo")
    assert "opens-nothing" in value


def test_only_subscribers_have_an_account() -> None:
    assert [bool(person.account_uuid) for person in EVERYBODY] == [person.subscribed for person in EVERYBODY]
    assert TOMAS.account_uuid


def test_nobody_sits_at_the_pipeline() -> None:
    assert (PIPELINE.entry, INES.entry) == ("sdk-cli", "cli")


def test_projects_are_apart() -> None:
    projects = (BILLING, LUMEN, RELAY, SENSORS)
    assert len({project.path for project in projects}) == len({project.name for project in projects}) == 4
    assert all(project.notes and project.status.startswith("Current branch") for project in projects)
