"""Is this request let in, and is it within its limits? Asked with its head, before anything of its body is read."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from credentials.key_snapshot import KeyFacts, KeySnapshot
from credentials.signature import Signer
from credentials.usage_counts import UsageCounts
from domain.limits import Limits
from gateway.authentication import OUT_OF_SCOPE, Admission, managed, pass_through
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines
from gateway.intake import RejectedError
from gateway.limit_ledger import LimitLedger, identity
from gateway.limits import Moment, Side, Whose, is_exempt, limited
from gateway.metrics import Metrics, Reason
from gateway.modes import WantedMode, mode_now
from gateway.usage_watch import spend_of_day, tokens_of_last_hour


class Keys(Protocol):
    """The client keys, as they are now."""

    @property
    def current(self) -> KeySnapshot: ...

    @property
    def has_keys(self) -> bool:
        """Was one ever issued? True too if that cannot be known."""
        ...


class Usage(Protocol):
    """What was used, as the projections know it."""

    @property
    def current(self) -> UsageCounts | None: ...


@dataclass(frozen=True, slots=True)
class Access:
    """What managed mode rests on."""

    keys: Keys
    signer: Signer
    usage: Usage


class Door:
    """Lets requests in, or says why not."""

    def __init__(
        self, wanted: WantedMode, access: Access, ledger: LimitLedger, metrics: Metrics, *, local_only: bool
    ) -> None:
        """``local_only``: nobody but this machine can connect."""
        self._wanted, self._local_only = wanted, local_only
        self._keys, self._usage = access.keys, access.usage
        self._ledger, self._metrics = ledger, metrics

    def admit(self, lines: HeaderLines, method: str, target: bytes, now: datetime) -> Admission:
        """In the mode of this moment. Raises RejectedError."""
        mode = mode_now(self._wanted, local_only=self._local_only, has_keys=self._keys.has_keys)
        if mode == "managed":
            decided = managed(lines, method, target, self._keys.current, now)
        else:
            decided = pass_through(lines, target)
        if isinstance(decided, Refusal):
            raise _rejected(decided, "forbidden" if decided is OUT_OF_SCOPE else "unauthenticated")
        return decided

    def counted(self, admission: Admission, target: bytes, now: datetime) -> AbstractContextManager[None]:
        """Against the limits of its key and account, as long as it is open. To enter it raises RejectedError."""
        key = admission.key
        limits = {} if key is None or is_exempt(target) else self._limits(key)
        return nullcontext() if key is None or not limits else self._within(limits, key, now)

    @contextmanager
    def _within(self, limits: dict[Whose, Limits], key: KeyFacts, now: datetime) -> Iterator[None]:
        reached = limited(
            [self._side(whose, key, limit, now) for whose, limit in limits.items()], Moment(self._ledger.second(), now)
        )
        if reached is not None:
            self._metrics.limited(reached.limit)
            raise _rejected(reached.refusal, "limited")
        with ExitStack() as stack:
            for whose in limits:
                stack.enter_context(self._ledger.open(identity(whose, _name(whose, key))))
            yield

    def _limits(self, key: KeyFacts) -> dict[Whose, Limits]:
        """Those that are set."""
        of_account = self._keys.current.account_limits.get(key.account, Limits())
        both: dict[Whose, Limits] = {"key": key.limits, "account": of_account}
        return {whose: limits for whose, limits in both.items() if limits.any}

    def _side(self, whose: Whose, key: KeyFacts, limits: Limits, now: datetime) -> Side:
        name, used = _name(whose, key), self._usage.current
        counts = self._ledger.counts(identity(whose, name))
        if limits.tokens_per_hour is not None:
            counts = replace(counts, tokens=tokens_of_last_hour(used, whose, name, now))
        if limits.spend_per_day is not None:
            counts = replace(counts, spend=spend_of_day(used, whose, name, now))
        return Side(whose, limits, counts)


def _rejected(refusal: Refusal, reason: Reason) -> RejectedError:
    return RejectedError(refusal.status, reason, refusal.message, refusal.lines)


def _name(whose: Whose, key: KeyFacts) -> str:
    return key.key_id if whose == "key" else key.account
