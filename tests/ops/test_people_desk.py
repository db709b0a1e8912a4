"""The desk: who is meant, which accounts and roles a text names, and where the link leads."""

from datetime import UTC, datetime

import pytest

from domain.ids import Position
from domain.people import NewPerson, Person, UnfitPersonError, UnknownPersonError
from domain.ports import Recorded
from domain.viewers import ROLES
from ops.people_book import PeopleBook
from ops.people_desk import PeopleDesk, accounts_in, dashboard_address, role_in

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def desk(*names: str) -> PeopleDesk:
    book = PeopleBook()
    for place, name in enumerate(names, 1):
        new = NewPerson(person_id=f"id00000{place}", name=name, role="reader", accounts=None, key_hash="00")
        [event] = Person.add(new, who="eve", at=NOON).collect_events()
        book.take([Recorded(Position(place), event)])
    return PeopleDesk(None, book)  # type: ignore[arg-type]  # nothing is said


def test_people_are_named_by_name_or_id() -> None:
    one = desk("ada", "bob")
    assert one.meant("bob").person_id == "id000002"
    assert one.meant("id000001").name == "ada"
    with pytest.raises(UnknownPersonError, match="did you mean bob"):
        one.meant("bobb")
    with pytest.raises(UnknownPersonError, match="nexus people list"):
        one.meant("zzz")


@pytest.mark.parametrize(
    ("text", "accounts"), [(None, None), ("all", None), (" all ", None), ("a", {"a"}), (" a, b ,,a", {"a", "b"})]
)
def test_accounts_are_a_list_or_all(text: str | None, accounts: set[str] | None) -> None:
    assert accounts_in(text) == (None if accounts is None else frozenset(accounts))


def test_roles_are_those_there_are() -> None:
    assert [role_in(role) for role in ROLES] == list(ROLES)
    for text in ("", "Admin", "root"):
        with pytest.raises(UnfitPersonError, match="usage, reader, admin"):
            role_in(text)


@pytest.mark.usefixtures("database")
def test_a_link_leads_where_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_DASHBOARD_PORT", "3777")
    assert dashboard_address() == "http://127.0.0.1:3777"
    monkeypatch.setenv("NEXUS_DASHBOARD_URL", "https://nexus.example/")
    assert dashboard_address() == "https://nexus.example"
