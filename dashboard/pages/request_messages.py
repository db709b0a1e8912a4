"""What does the messages section of a request show? What is new against the request before, and what stands open."""

import asyncio
from uuid import UUID

from markupsafe import Markup

from dashboard.data import DataStore
from dashboard.details import RequestDetails
from dashboard.formatting import short_id
from dashboard.markup import render
from dashboard.novelty import Novelty, novelty
from dashboard.views.blocks import shown_block
from dashboard.views.message_runs import Firsts, Run, folded, runs_of, shown_runs, with_message, with_more
from dashboard.views.messages import shown_answer
from dashboard.views.novelty import shown_novelty
from dashboard.views.why import Neighbour

_MOST_DIGITS = 9
Link = tuple[str, UUID | None] | None
"""Edge and parent."""
NOT_KNOWN = Novelty(basis="unlinked")


class RequestMessages:
    """Of one request; what its reader has opened."""

    def __init__(self, store: DataStore) -> None:
        self._store = store
        self._novelty = NOT_KNOWN
        self._settled: Link = None
        """The link for which nothing that comes can change what is new."""
        self._runs: tuple[Run, ...] = ()
        self._firsts: Firsts = {}

    async def read(self, details: RequestDetails) -> None:
        """Look what is new, as long as that may change."""
        item = details.item
        link = (item.edge, item.parent_request_id) if item and item.edge else None
        if link is not None and link == self._settled:
            return
        before = await self._store.details(link[1]) if link and link[1] else None
        found = await asyncio.to_thread(novelty, details, before)  # large bodies take a while
        self._settled = link if before is None or before.ended is not None else None
        if not self._runs or found.news != self._novelty.news:
            self._lay_out(details, found)
        self._novelty = found

    def show_message(self, number: str) -> None:
        """As the address names it, from 1; anything else changes nothing."""
        if number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS:
            self._firsts = with_message(self._runs, self._firsts, int(number) - 1)

    def act(self, details: RequestDetails, name: str, value: str) -> None:
        if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
            return
        start = int(value)
        if name == "earlier":
            self._firsts = with_more(details.sent.messages, self._firsts, start)
        elif name == "fold":
            self._firsts = {**self._firsts, **{run.start: run.end for run in self._runs if run.start == start}}

    def region(self, details: RequestDetails) -> Markup:
        found = self._novelty
        if not self._runs:  # the section was chosen, and the store did not answer then
            self._lay_out(details, found)
        return render(
            "messages.html",
            details=details,
            novelty=shown_novelty(found, _neighbour(found.before)),
            runs=shown_runs(details.sent.messages, self._runs, self._firsts, found.news),
            system=[shown_block(block) for block in details.sent.system],
            answer=shown_answer(details.answer.message),
            as_sent=self._store.viewer.may("raw"),
        )

    def _lay_out(self, details: RequestDetails, found: Novelty) -> None:
        self._runs = runs_of(details.sent.messages, found.news)
        self._firsts = folded(details.sent.messages, self._runs)


def _neighbour(request_id: UUID | None) -> Neighbour | None:
    return Neighbour(request_id, short_id(request_id)) if request_id else None
