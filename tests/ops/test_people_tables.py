"""Tables of people and of the audit log: nothing missing, those who may look first."""

from datetime import UTC, datetime, timedelta

from domain.audit import AuditLine
from domain.people import NewPerson, Person
from ops.people_tables import audit_plain, audit_row, audit_table, people_table, person_plain

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=2)
LINE = AuditLine(NOON, "ada", "read-body", "r-1", "why")


def person(name: str, accounts: frozenset[str] | None = None) -> Person:
    new = NewPerson(person_id=f"{name}00000", name=name, role="reader", accounts=accounts, key_hash="00")
    return Person.add(new, who="eve", at=NOON)


def test_those_who_may_look_come_first() -> None:
    gone, here, invited = person("ada"), person("bob", frozenset({"b", "a"})), person("cya")
    gone.remove(who="eve", at=NOON + timedelta(hours=1))
    invited.make_link("11", ends_at=NOW + timedelta(hours=3), who="eve", at=NOON)
    assert people_table([gone, here, invited], NOW).splitlines() == [
        "id        name  role    accounts  state",
        "bob00000  bob   reader  a, b      added 2 hours ago",
        "cya00000  cya   reader  all       link ends in 3 hours",
        "ada00000  ada   reader  all       removed 1 hour ago",
    ]


def test_a_script_gets_everything_but_hashes() -> None:
    one = person("ada", frozenset({"acme"}))
    one.make_link("11", ends_at=NOW, who="eve", at=NOON)
    one.remove(who="eve", at=NOW)
    assert person_plain(one) == {
        "person_id": "ada00000",
        "name": "ada",
        "role": "reader",
        "accounts": ["acme"],
        "added_at": NOON.isoformat(),
        "link_ends_at": NOW.isoformat(),
        "removed_at": NOW.isoformat(),
    }
    assert person_plain(person("bob"))["accounts"] is None


def test_a_line_of_the_log_reads_the_same_everywhere() -> None:
    assert audit_row(LINE) == ("2026-11-22 12:00:00", "ada", "read-body", "r-1", "why")
    assert audit_plain(LINE) == {
        "at": NOON.isoformat(), "who": "ada", "act": "read-body", "about": "r-1", "detail": "why"
    }  # fmt: skip
    assert audit_table([LINE]).splitlines()[1].split() == ["2026-11-22", "12:00:00", "ada", "read-body", "r-1", "why"]
