"""People for a front that needs no database: who they are is set, and changes at once."""

from dataclasses import dataclass, field, replace

from credentials import person_words
from dashboard.people import OWNER_ID, OWNER_STANDING, Standing
from domain.audit import Entry
from domain.errors import StoreUnavailableError
from domain.viewers import ROLES, Role, Viewer


def word_of(person_id: str, kind: person_words.Kind = "key") -> str:
    return person_words.make(kind, person_id, person_id.encode() * 4).text


@dataclass
class SomePeople:
    """One person of each role, of whom everything is known by his id: ``usage000``, ``reader00``, ``admin000``."""

    standings: dict[str, Standing] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    """Words of links that were not used."""
    logged_out: list[str] = field(default_factory=list)
    away: bool = False

    def __post_init__(self) -> None:
        self.standings[OWNER_ID] = OWNER_STANDING
        for role in ROLES:
            self.put(role)

    def put(self, role: Role, accounts: frozenset[str] | None = None) -> str:
        """The person of this role, with these accounts from now on; his id."""
        person_id = role.ljust(8, "0")
        before = self.standings.get(person_id)
        viewer = Viewer(name=f"the-{role}", role=role, accounts=accounts, person_id=person_id)
        self.standings[person_id] = Standing(person_id, viewer, before.turn + 1 if before else 1)
        return person_id

    def standing(self, person_id: str) -> Standing | None:
        return self.standings.get(person_id)

    def with_key(self, offered: str) -> Standing | None:
        word = person_words.parse(offered)
        if word is None or offered != word_of(word.person_id):
            return None
        return self.standing(word.person_id)

    async def with_link(self, offered: str) -> Standing | None:
        self._ask()
        word = person_words.parse(offered)
        if word is None or offered not in self.links:
            return None
        self.links.remove(offered)
        return self.standing(word.person_id)

    async def log_out(self, person_id: str) -> None:
        self._ask()
        self.logged_out.append(person_id)
        if (standing := self.standings.get(person_id)) is not None:
            self.standings[person_id] = replace(standing, turn=standing.turn + 1)

    def _ask(self) -> None:
        if self.away:
            raise StoreUnavailableError("PostgreSQL did not answer.")


@dataclass
class KeptAudit:
    """Entries in a list; it can be away."""

    entries: list[Entry] = field(default_factory=list)
    away: bool = False
    refused: int = 0

    async def note(self, entry: Entry) -> None:
        if self.away:
            self.refused += 1
            raise StoreUnavailableError("PostgreSQL did not answer.")
        self.entries.append(entry)
