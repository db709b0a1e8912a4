"""Why was what had been cached not read? Two requests of one line of talk, compared as they were sent.

A miss: the request before left n tokens in the prompt cache, this one read fewer, and something of the rest is in it
again, so it was paid anew. Whether there is one is told by the counts of both answers alone; the cause is what can be
seen of the difference. A cause is named only if it explains how little was read; where evidence is missing, the
cause is ``unknown``. ``docs/cache.md`` has the rules and how sure each is.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from domain.blocks import Lifetime
from domain.cached_prompt import CachedPrompt, PromptUse
from domain.prompt_diff import Change, Divergence, PromptDiff, diff

Cause = (
    Change
    | Literal[
        "none", "first", "mark_moved", "ttl_lapsed", "model_changed", "effort_changed", "beta_changed",
        "account_changed", "compaction", "provider_suspected", "unknown",
    ]
)  # fmt: skip
QUIET = frozenset({"none", "first", "compaction"})
"""No alarm: nothing was lost, or as it must be."""
Certainty = Literal["certain", "likely", "unsure"]
LIFETIMES: dict[Lifetime, timedelta] = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}
TOUCH_TOKENS = 1024
"""Fewer tokens upstream would not even cache as a prompt of their own."""
EXPLAINED = 0.5
"""If less was read than this share of what must have survived, there is more to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRequest:
    """One request, as far as its reading from the cache may depend on it."""

    received_at: datetime
    answering_at: datetime | None
    """When the answer began: from then on its entry can be read. None: not known."""
    ended_at: datetime | None
    model: str
    account: str
    """Who pays."""
    organisation: str = ""
    """As upstream named it; empty: it did not."""
    settings: tuple[tuple[str, str], ...] = ()
    betas: tuple[str, ...] = ()
    aside: bool = False
    """It stands on the history without continuing it: a side question, or the call for a summary."""
    prompt: CachedPrompt | None = None
    """None: not recorded whole."""
    use: PromptUse | None = None
    """None: the answer did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """What the line of talk shows between the two."""

    incomplete: bool = False
    """An exchange of which too little is recorded."""
    used_at: datetime | None = None
    """When a side thread last read the same entry."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Tokens that were in the cache and were paid anew, by what they were paid as."""

    write_5m: int = 0
    write_1h: int = 0
    fresh: int = 0

    @property
    def tokens(self) -> int:
        return self.write_5m + self.write_1h + self.fresh


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheVerdict:
    """What became of the cache in one request."""

    cause: Cause
    certainty: Certainty = "certain"
    detail: str = ""
    """The evidence, in words."""
    stable_blocks: int | None = None
    """Leading blocks of what was cached that came again; None: not known."""
    stable_tokens: int | None = None
    stable_estimated: bool = False
    divergence: Divergence | None = None
    lost: int = 0
    """Tokens that were in the cache and were not read."""
    rewritten: Rewritten = field(default_factory=Rewritten)
    rewritten_estimated: bool = False


def explain(before: CacheRequest | None, now: CacheRequest, between: Between) -> CacheVerdict:
    """``before``: the newest earlier request of the line of talk that was answered."""
    if before is None and between.incomplete:
        return _unknown("An exchange before it is not recorded whole.")
    if before is None:
        return CacheVerdict(cause="first", detail="No earlier request of this line of talk is recorded.")
    if before.use is None or now.use is None:
        return _unknown("An answer does not say what it read from the cache.")
    if before.use.summed or now.use.summed:
        return _unknown("Tools ran upstream, and the counts are sums over several steps.")
    lost = max(0, before.use.cached - now.use.read)
    if before.prompt is None or now.prompt is None:
        return _unseen(lost, now.use, "A body is not recorded whole.")
    if lost and between.incomplete:
        return _unseen(lost, now.use, "An exchange between the two is not recorded whole.")
    case = _Case(before, before.use, now, now.use, between, diff(before.prompt, now.prompt), lost)
    return case.verdict()


@dataclass(frozen=True, slots=True)
class _Case:
    """Two requests that can be compared."""

    before: CacheRequest
    had: PromptUse
    now: CacheRequest
    got: PromptUse
    between: Between
    diff: PromptDiff
    lost: int

    def verdict(self) -> CacheVerdict:
        rewritten, estimated = self._rewritten()
        cause, certainty, detail = self._cause(rewritten)
        if cause in {"none", "first"}:
            rewritten, estimated = Rewritten(), False
        return CacheVerdict(
            cause=cause,
            certainty=certainty,
            detail=detail,
            stable_blocks=self.diff.stable,
            stable_tokens=self.diff.tokens_at(self.diff.stable, self.had.cached),
            stable_estimated=self.diff.diverged,
            divergence=self.diff.divergence(),
            lost=self.lost,
            rewritten=rewritten,
            rewritten_estimated=estimated,
        )

    def _cause(self, rewritten: Rewritten) -> tuple[Cause, Certainty, str]:
        if not self.lost:
            return "none", "certain", "All that was cached was read."
        if self.diff.now.continues and self._in_messages() and not self._resumes():
            return "compaction", "certain", "The history was replaced by its summary."
        if self.diff.begins_anew and not self.diff.now.continues:
            return "first", "certain", "It goes on from nothing that was said before in this session."
        if harmless := self._harmless(rewritten):
            return "none", "certain", harmless
        if self.before.answering_at is None or self.now.received_at < self.before.answering_at:
            return "unknown", "unsure", "It was sent before the answer to the one before had begun."
        return self._identity() or self._structure() or self._time() or self._parameters() or self._nothing_seen()

    def _resumes(self) -> bool:
        """The one before began with the same summary already."""
        before = self.diff.before
        frame = sum(piece.section != "message" for piece in before.pieces)
        return before.continues and self.diff.stable > frame and self.diff.keeps_answers

    def _in_messages(self) -> bool:
        found = self.diff.divergence()
        return found is not None and found.section == "message"

    def _harmless(self, rewritten: Rewritten) -> str:
        """Why the loss is none; empty: it is one."""
        if not rewritten.tokens:
            return "What was not read of the cache was not sent again."
        if self.now.aside and self._in_messages() and self._frame_was_read():
            return "It stands aside of the history, on an earlier part of it."
        touched = self.diff.retouches and self.got.read >= self.had.read
        if touched and rewritten.tokens < TOUCH_TOKENS:
            return "The client changed a text or reminder of its own at the end; all before that turn was read."
        if self.diff.cut_back and self._in_messages() and self._read_to_newest_turn():
            return "The history was cut back; before the cut, all but the answer there was read."
        return ""

    def _read_to_newest_turn(self) -> bool:
        """Hardly more was left unread before the cut than the answer there, behind which no entry ends."""
        return self.diff.tokens_at(self.diff.answer_before(), self.had.cached) - self.got.read < TOUCH_TOKENS

    def _identity(self) -> tuple[Cause, Certainty, str] | None:
        """Entries are kept by model and by organisation."""
        if self.before.model != self.now.model:
            return "model_changed", "certain", f"The model changed from {self.before.model} to {self.now.model}."
        named = self.before.organisation and self.now.organisation
        if self.before.account != self.now.account or (named and self.before.organisation != self.now.organisation):
            return "account_changed", "certain", "It was sent under another account or organisation."
        return None

    def _structure(self) -> tuple[Cause, Certainty, str] | None:
        """What was sent cannot match, and as much was read as could."""
        found = self.diff.divergence()
        if found is not None and (found.section != "message" or self._frame_was_read()):
            return found.change, "certain", found.detail
        if found is None and not self.diff.reachable() and self._frame_was_read():
            return "mark_moved", "certain", "No cache mark looks back as far as the newest entry."
        return None

    def _frame_was_read(self) -> bool:
        """System prompt and tools have an entry of their own: it at least must have been read."""
        return self.got.read >= EXPLAINED * self.diff.tokens_at(self.diff.frame_end(), self.had.cached)

    def _time(self) -> tuple[Cause, Certainty, str] | None:
        lifetime = self._lifetime()
        lives = LIFETIMES[lifetime]
        last = max(filter(None, (self.before.received_at, self.between.used_at)))
        ended = max(filter(None, (self.before.ended_at, last)))
        unused = self.now.received_at - last
        if unused <= lives:
            return None
        detail = f"Its entry lived {lifetime} and was not used for {_spoken(unused)}."
        return "ttl_lapsed", "certain" if self.now.received_at - ended > lives else "likely", detail

    def _lifetime(self) -> Lifetime:
        """What was billed says more than what was asked for."""
        if bool(self.had.written_5m) != bool(self.had.written_1h):
            return "1h" if self.had.written_1h else "5m"
        marks = self.diff.before.marks
        return marks[-1].lifetime if marks else "5m"

    def _parameters(self) -> tuple[Cause, Certainty, str] | None:
        was, now = dict(self.before.settings), dict(self.now.settings)
        changed = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
        betas = sorted({*self.before.betas} ^ {*self.now.betas})
        certainty: Certainty = "unsure" if changed and betas else "likely"
        if changed:
            told = (f"{name} from {was.get(name, 'none')[:80]} to {now.get(name, 'none')[:80]}" for name in changed)
            return "effort_changed", certainty, f"Changed: {'; '.join(told)}."
        if betas:
            return "beta_changed", certainty, f"Beta headers added or taken away: {', '.join(betas)[:300]}."
        return None

    def _nothing_seen(self) -> tuple[Cause, Certainty, str]:
        found = self.diff.divergence()
        if found is not None:
            return found.change, "unsure", f"{found.detail} Less was read than this alone explains."
        if not self.diff.reachable():
            return "mark_moved", "unsure", "No cache mark looks back that far, and less was read than this explains."
        if edits := _edited_upstream(self.now.settings):
            return "unknown", "unsure", f"Upstream was asked to edit the history itself: {edits[:200]}."
        return "provider_suspected", "likely", "The same blocks came in time, with all else equal, and were not read."

    def _rewritten(self) -> tuple[Rewritten, bool]:
        start = self.diff.read_to(self.got.read, self.had.cached)
        share = self.diff.sent_again(start)
        again = min(round(self.lost * share), self.got.paid_anew)
        another_measure = self.before.model != self.now.model
        return _paid(again, self.got), bool(self.lost) and (share < 1 or another_measure)


def _paid(tokens: int, use: PromptUse) -> Rewritten:
    """What is kept longest stands in front, so it is rewritten first; what is not cached stands at the end."""
    write_1h = min(tokens, use.written_1h)
    write_5m = min(tokens - write_1h, use.written_5m)
    return Rewritten(write_5m, write_1h, tokens - write_1h - write_5m)


def _unknown(detail: str) -> CacheVerdict:
    return CacheVerdict(cause="unknown", certainty="unsure", detail=detail)


def _unseen(lost: int, use: PromptUse, detail: str) -> CacheVerdict:
    """The counts say whether something was lost; nobody can see why, nor how much of it came again."""
    if not lost:
        return CacheVerdict(cause="none", detail="All that was cached was read.")
    rewritten = _paid(min(lost, use.paid_anew), use)
    return replace(_unknown(detail), lost=lost, rewritten=rewritten, rewritten_estimated=True)


def _edited_upstream(settings: tuple[tuple[str, str], ...]) -> str:
    """An edit of the context that may drop what was sent; keeping all thinking drops nothing."""
    edits = dict(settings).get("context_management", "")
    harmless = '"keep":"all"' in edits and edits.count('"type"') == 1
    return "" if harmless or '"type"' not in edits else edits


def _spoken(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
