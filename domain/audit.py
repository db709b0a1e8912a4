"""What must be noted of those who look, and how is it said? One aggregate per entry, which never changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate

from domain.errors import SetupError
from domain.people import Person
from domain.viewers import Role

Act = Literal["logged-in", "revealed", "read-body", "read-response", "exported"]
MAX_WHY = 400
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        Person.Added.TOPIC: "added",
        Person.RoleChanged.TOPIC: "role-changed",
        Person.AccountsChanged.TOPIC: "accounts-changed",
        Person.KeyRenewed.TOPIC: "key-renewed",
        Person.LinkMade.TOPIC: "link-made",
        Person.LinkUsed.TOPIC: "link-used",
        Person.LoggedOut.TOPIC: "logged-out",
        Person.Removed.TOPIC: "removed",
    }
)


class UnfitEntryError(SetupError):
    """This cannot stand in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What an entry says."""

    who: str
    act: Act
    about: str
    """The request or conversation, or how somebody logged in."""
    why: str = ""


class AuditEntry(BaseAggregate[UUID]):
    """One thing that somebody did."""

    TOPIC = "audit-entry"

    def __init__(self, *, who: str, act: Act, about: str, why: str) -> None:
        self.who = who
        self.act = act
        self.about = about
        self.why = why

    class Event(AggregateEvent):
        """Base of the aggregate's events."""

    class Noted(Event, AggregateCreated):
        """It was noted before it was done."""

        TOPIC = "audit-noted"

        who: str
        act: Act
        about: str
        why: str

    @classmethod
    def note(cls, entry: Entry, *, entry_id: UUID, at: datetime) -> Self:
        """Raises UnfitEntryError."""
        if not entry.who or not entry.about:
            raise UnfitEntryError("An entry names who did something, and with what.")
        if len(entry.why) > MAX_WHY or not entry.why.isprintable():
            raise UnfitEntryError(f"why: give at most {MAX_WHY} printable characters.")
        return cls._create(
            cls.Noted, id=entry_id, timestamp=at, who=entry.who, act=entry.act, about=entry.about, why=entry.why
        )


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An entry, or a change of a person, as the list shows it."""

    at: datetime
    who: str
    act: str
    about: str
    detail: str


class AuditFold:
    """Turns events, in their order, into lines; remembers what people are called."""

    def __init__(self) -> None:
        self._names: dict[UUID, str] = {}

    def line_of(self, event: object) -> AuditLine | None:
        """None: it is no event of the audit log."""
        match event:
            case AuditEntry.Noted():
                return AuditLine(event.timestamp, event.who, event.act, event.about, event.why)
            case Person.Added():
                self._names[event.originator_id] = event.name
                return AuditLine(event.timestamp, event.who, "added", event.name, _rights(event.role, event.accounts))
            case Person.Event():
                name = self._names.get(event.originator_id, "unknown")
                who = str(getattr(event, "who", name))
                return AuditLine(event.timestamp, who, _WORDS[event.TOPIC], name, _detail(event))
        return None


def _detail(event: Person.Event) -> str:
    match event:
        case Person.RoleChanged():
            return event.role
        case Person.AccountsChanged():
            return _accounts(event.accounts)
        case Person.LinkMade():
            return f"until {event.ends_at:%Y-%m-%d %H:%M} UTC"
    return ""


def _rights(role: Role, accounts: tuple[str, ...] | None) -> str:
    return f"{role}, {_accounts(accounts)}"


def _accounts(accounts: tuple[str, ...] | None) -> str:
    return "all accounts" if accounts is None else ", ".join(accounts)
