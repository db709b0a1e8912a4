"""Which client keys and limits follow from the events? A fold, event by event; and its content as a host's file."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from eventsourcing.domain import CanMutateAggregate

from credentials.key_snapshot import KeyFacts, KeySnapshot
from credentials.snapshot_file import KeyFile
from domain.account_limits import ACCOUNT_TOPICS, AccountLimits
from domain.client_keys import KEY_TOPICS, ClientKey
from domain.ids import Position
from domain.ports import EventLog, Recorded

TOPICS = (*KEY_TOPICS, *ACCOUNT_TOPICS)
BATCH = 1000


class KeyBook:
    """All keys and limits up to a position of the log."""

    def __init__(self) -> None:
        self._aggregates: dict[UUID, ClientKey | AccountLimits] = {}
        self._lost: set[UUID] = set()
        """A newer Nexus said something of these. What it is cannot be known here, so these keys are not known."""
        self.position = Position(0)
        """Of the newest event taken in."""
        self._file: KeyFile | None = None

    async def follow(self, log: EventLog) -> None:
        """Take in what is new. Raises StoreUnavailableError."""
        while events := await log.read(self.position, BATCH, TOPICS):
            self.take(events)

    def take(self, events: Sequence[Recorded]) -> None:
        """In order of position."""
        self._file = None
        for recorded in events:
            event, about = recorded.event, recorded.event.originator_id
            if isinstance(event, CanMutateAggregate) and about not in self._lost:
                changed = event.mutate(self._aggregates.get(about))
                assert isinstance(changed, ClientKey | AccountLimits)
                self._aggregates[about] = changed
            else:
                self._lost.add(about)
                self._aggregates.pop(about, None)
            self.position = recorded.position

    @property
    def keys(self) -> Mapping[str, ClientKey]:
        """By key id, in the order of issue."""
        return {one.key_id: one for one in self._aggregates.values() if isinstance(one, ClientKey)}

    @property
    def accounts(self) -> Mapping[str, AccountLimits]:
        """Those that have or had a limit, by name."""
        return {one.account: one for one in self._aggregates.values() if isinstance(one, AccountLimits)}

    def file(self) -> KeyFile:
        """What gateways need to know of it."""
        if self._file is None:
            self._file = self._made_file()
        return self._file

    def _made_file(self) -> KeyFile:
        keys = {key_id: facts_of(key) for key_id, key in self.keys.items()}
        limits = {account: one.limits for account, one in self.accounts.items() if one.limits.any}
        return KeyFile(KeySnapshot(keys, limits), self.position)


def facts_of(key: ClientKey) -> KeyFacts:
    return KeyFacts(
        key_id=key.key_id,
        secret_hash=bytes.fromhex(key.secret_hash),
        name=key.name,
        account=key.account,
        client_domain=key.client_domain,
        scopes=key.scopes,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        limits=key.limits,
    )
