"""What was one request, and what came back? Its facts, and one section at a time of all that is recorded."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from markupsafe import Markup

from dashboard import figures
from dashboard.details import RequestDetails
from dashboard.formatting import short_id
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings, member_of
from dashboard.pages.request_messages import RequestMessages
from dashboard.streams import forensics_of
from dashboard.views.again import again
from dashboard.views.cache_causes import place_words, words_of
from dashboard.views.event_rows import event_row
from dashboard.views.messages import shown_answer
from dashboard.views.price_evidence import evidence_of
from dashboard.views.raw_json import raw_side
from dashboard.views.replay import ReplayView
from dashboard.views.replay_frames import replay_of
from dashboard.views.stream import ShownStream, rhythm_rows, shown_stream
from dashboard.views.why import Neighbour, why
from domain.stream_forensics import StreamForensics
from domain.usage import read_usage
from schemas.cache_api import CacheVerdictItem
from schemas.read_api import EventItem
from schemas.usage_api import RequestUsage

SECTIONS = ("messages", "response", "usage", "stream", "headers", "events", "raw")
_COURSES = frozenset({"usage", "stream"})
"""Sections that tell how the answer came."""


class RequestPage:
    """One exchange."""

    name = "request"
    section = "requests"
    region_names = ("head", "sections", "panel")

    def __init__(self, surroundings: Surroundings, member: str) -> None:
        self._from = surroundings
        self._member = member_of(member)
        self._details: RequestDetails | None = None
        self._events: list[EventItem] = []
        self._verdict: CacheVerdictItem | None = None
        self._used: RequestUsage | None = None
        self._branch: str | None = None
        """What the branch is called."""
        self._as_sent = surroundings.store.viewer.may("raw")
        """The viewer is shown it as it was sent, too."""
        self._shown = tuple(name for name in SECTIONS if self._as_sent or name != "raw")
        self._noted = False
        """It is noted that what was sent is shown."""
        self._section = SECTIONS[0]
        self._messages = RequestMessages(surroundings.store)
        self._opened: set[str] = set()
        """Places in the raw trees."""
        self._panel: Markup | None = None
        """As it was rendered last, if nothing in it has changed."""
        self._chart = figures.rhythm()
        self._replay = ReplayView()
        self._forensics: StreamForensics | None = None
        """Of the details, in the section that shows them."""
        self._drawn: StreamForensics | None = None

    @property
    def title(self) -> str:
        return f"Request {short_id(self._member)} · Nexus" if self._details and self._member else "No request · Nexus"

    async def load(self, search: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(search.removeprefix("?")).items()}
        self._section, self._noted = asked["tab"] if asked.get("tab") in self._shown else SECTIONS[0], False
        await self._read()
        self._messages.show_message(asked.get("message", ""))

    async def follow(self) -> None:
        before = self._details.item if self._details else None
        is_open = self._details is not None and self._details.ended is None
        if self._member and (is_open or before != await self._from.store.request(self._member)):
            await self._read()
        elif self._member and self._verdict is None:
            self._verdict = await self._from.store.cache_verdict(self._member)

    async def act(self, name: str, value: str) -> None:
        match name:
            case "earlier" | "fold" if self._details is not None:
                self._messages.act(self._details, name, value)
            case "toggle":
                self._opened ^= {value}
            case _:
                return
        self._panel = None

    def regions(self) -> Regions:
        details = self._details
        if details is None:
            return {"head": render("request_missing.html"), "sections": Markup(), "panel": Markup()}
        if self._panel is None:
            self._panel = self._sections()[self._section](details)
        return {
            "head": self._head(details),
            "sections": self._links(details),
            "panel": self._panel,
        }

    def _links(self, details: RequestDetails) -> Markup:
        return render(
            "request_sections.html",
            details=details,
            section=self._section,
            sections=self._shown,
            as_sent=self._as_sent,
            again=again(details) if self._as_sent else None,
        )

    def _head(self, details: RequestDetails) -> Markup:
        item = details.item
        parent = item.parent_request_id if item else None
        return render(
            "request_head.html",
            it=item,
            details=details,
            why=why(item, Neighbour(parent, short_id(parent)) if parent else None) if item else None,
            branch=self._branch,
            verdict=self._verdict,
            cause=words_of(self._verdict.cause) if self._verdict else None,
            place=place_words(self._verdict.divergence) if self._verdict and self._verdict.divergence else "",
            now=self._from.clock(),
        )

    def figures(self) -> Mapping[str, object]:
        return {"rhythm": self._chart.figure, "replay": self._replay}

    def paint(self) -> None:
        self._replay.paint()
        found = self._forensics
        if self._section == "stream" and self._details is not None and found is not None and found != self._drawn:
            figures.show_rhythm(self._chart, rhythm_rows(self._details.answer, found))
            self._drawn = found

    async def _read(self) -> None:
        if self._member is None:
            return
        details = self._details = await self._from.store.details(self._member)
        self._forensics = None
        if details is not None and self._section == "raw" and not self._noted:
            await self._from.store.reveal("revealed", self._member)
            self._noted = True
        if details is not None and self._section in _COURSES:
            self._forensics = await asyncio.to_thread(forensics_of, details)  # long answers take a while
        if details is not None and self._section == "messages":
            await self._messages.read(details)
        if details is not None and self._section == "stream":
            self._replay.read(await asyncio.to_thread(replay_of, details))
        item = self._details.item if self._details else None
        if item is not None and item.conversation_id and item.branch_id:
            self._branch = await self._from.store.branch_name(item.conversation_id, item.branch_id)
        self._verdict = await self._from.store.cache_verdict(self._member)
        self._used = await self._from.store.request_usage(self._member) if self._section == "usage" else None
        self._events = await self._from.store.events(self._member) if self._section == "events" else []
        self._panel = None

    def _sections(self) -> Mapping[str, Callable[[RequestDetails], Markup]]:
        return {
            "messages": self._messages.region,
            "response": self._response,
            "usage": self._usage,
            "stream": self._stream,
            "headers": lambda details: render(
                "headers.html", details=details, again=again(details) if self._as_sent else None
            ),
            "events": lambda _: render("events.html", events=[event_row(event) for event in self._events]),
            "raw": self._raw,
        }

    def _stream(self, details: RequestDetails) -> Markup:
        return render("stream.html", stream=self._course(details), details=details)

    def _usage(self, details: RequestDetails) -> Markup:
        used = evidence_of(self._used) if self._used else None
        return render("request_usage.html", evidence=used, stream=self._course(details), now=self._from.clock())

    def _course(self, details: RequestDetails) -> ShownStream:
        if self._forensics is None:  # the section was changed, and the store did not answer then
            self._forensics = forensics_of(details)
        return shown_stream(self._forensics)

    def _response(self, details: RequestDetails) -> Markup:
        message = details.answer.message
        return render("response.html", details=details, answer=shown_answer(message), usage=read_usage(message.usage))

    def _raw(self, details: RequestDetails) -> Markup:
        if not self._noted:
            return render("page_state.html", condition="away")
        return render(
            "raw.html",
            details=details,
            sides=(
                raw_side("request", details.sent.body, self._opened),
                raw_side("response", details.answer.body, self._opened),
            ),
        )


def request_page(surroundings: Surroundings, member: str) -> Page:
    return RequestPage(surroundings, member)
