"""The audit log: an entry says who, what, when; changes of people are in the same list, under their names."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.audit import MAX_WHY, Act, AuditEntry, AuditFold, AuditLine, Entry, UnfitEntryError
from domain.people import NewPerson, Person

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENTRY = Entry(who="ada", act="read-body", about="r-1", why="a bug report")


def note(entry: Entry) -> AuditEntry:
    return AuditEntry.note(entry, entry_id=UUID(int=1), at=NOON)


def test_an_entry_is_a_line() -> None:
    noted = note(ENTRY)
    assert (noted.who, noted.act, noted.about, noted.why) == ("ada", "read-body", "r-1", "a bug report")
    [event] = noted.collect_events()
    assert AuditFold().line_of(event) == AuditLine(NOON, "ada", "read-body", "r-1", "a bug report")


@pytest.mark.parametrize(
    ("who", "about", "why"), [("", "r", ""), ("a", "", ""), ("a", "r", "x\n"), ("a", "r", "x" * 401)]
)
def test_what_is_no_entry_is_refused(who: str, about: str, why: str) -> None:
    act: Act = "revealed"
    with pytest.raises(UnfitEntryError):
        note(Entry(who=who, act=act, about=about, why=why))
    assert note(Entry(who="a", act=act, about="r", why="x" * MAX_WHY)).why


def test_changes_of_people_are_told_by_name() -> None:
    new = NewPerson(person_id="abcd1234", name="ada", role="reader", accounts=frozenset({"b", "a"}), key_hash="00")
    one, later = Person.add(new, who="eve", at=NOON), NOON + timedelta(hours=1)
    one.change_role("admin", who="eve", at=later)
    one.change_accounts(None, who="eve", at=later)
    one.renew_key("11", who="eve", at=later)
    one.make_link("22", ends_at=later + timedelta(hours=1), who="eve", at=later)
    one.use_link("22", at=later)
    one.log_out(who="ada", at=later)
    one.remove(who="eve", at=later)
    fold = AuditFold()
    assert [fold.line_of(event) for event in one.collect_events()] == [
        AuditLine(NOON, "eve", "added", "ada", "reader, a, b"),
        AuditLine(later, "eve", "role-changed", "ada", "admin"),
        AuditLine(later, "eve", "accounts-changed", "ada", "all accounts"),
        AuditLine(later, "eve", "key-renewed", "ada", ""),
        AuditLine(later, "eve", "link-made", "ada", "until 2026-11-22 14:00 UTC"),
        AuditLine(later, "ada", "link-used", "ada", ""),
        AuditLine(later, "ada", "logged-out", "ada", ""),
        AuditLine(later, "eve", "removed", "ada", ""),
    ]


def test_nothing_else_is_a_line_and_a_stranger_has_no_name() -> None:
    new = NewPerson(person_id="abcd1234", name="ada", role="usage", accounts=None, key_hash="00")
    one = Person.add(new, who="eve", at=NOON)
    one.log_out(who="ada", at=NOON)
    _, left = one.collect_events()
    assert AuditFold().line_of(object()) is None
    assert AuditFold().line_of(left) == AuditLine(NOON, "ada", "logged-out", "unknown", "")
