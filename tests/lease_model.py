"""What should the row of the lease do? ``ops/db/lease.py`` says it in SQL; both are held against each other."""

from dataclasses import dataclass


@dataclass
class Row:
    """The lease as the database keeps it: what ``ops/db/lease.py`` says in SQL."""

    lasts_s: float
    epoch: int = 0
    holder: int = -1
    expires_at: float = 0.0

    def take(self, who: int, now: float) -> int | None:
        if self.holder != who and now < self.expires_at:
            return None
        self.epoch, self.holder, self.expires_at = self.epoch + 1, who, now + self.lasts_s
        return self.epoch

    def renew(self, who: int, epoch: int, now: float) -> int | None:
        if (self.holder, self.epoch) != (who, epoch) or now >= self.expires_at:
            return None
        self.expires_at = now + self.lasts_s
        return epoch

    def give_back(self, who: int, epoch: int, now: float) -> None:
        if (self.holder, self.epoch) == (who, epoch):
            self.expires_at = now
