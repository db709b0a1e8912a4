"""A browser for the Panel worker, as far as Bokeh's protocol goes: gets a page, opens its socket, says and hears."""

import asyncio
import json
import re
import zlib
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from dashboard.viewing import VIEWER_HEADER, written
from domain.viewers import OWNER, Viewer

DEADLINE_S = 20.0
ORIGIN = "http://127.0.0.1:3001"
_TOKEN = re.compile(r'"token":"([^"]+)"')


@dataclass
class Page:
    """A document as it was served."""

    status: int
    headers: dict[str, str]
    html: str

    @property
    def token(self) -> str:
        found = _TOKEN.search(self.html)
        assert found is not None, self.html[:400]
        return found[1]

    @property
    def payload(self) -> dict[str, Any]:
        """What the token says."""
        return _opened(self.token)


@dataclass
class Worker:
    """The worker on its socket."""

    client: aiohttp.ClientSession

    viewer: Viewer | None = OWNER
    """For whom the front asks; None: nobody has said."""

    def _said(self, **headers: str) -> dict[str, str]:
        """What the front adds."""
        return {VIEWER_HEADER: written(self.viewer), **headers} if self.viewer else headers

    async def get(self, path: str, **headers: str) -> Page:
        said = self._said(**headers)
        async with self.client.get(f"http://worker{path}", headers=said, allow_redirects=False) as answer:
            return Page(answer.status, dict(answer.headers), await answer.text())

    async def handshake(self, path: str, token: str, origin: str | None = ORIGIN, **more: str) -> int:
        """The status that opening the page's socket ends with; 101: it is open."""
        headers = self._said(**({} if origin is None else {"Origin": origin}), **more)
        try:
            async with self.client.ws_connect(
                f"http://worker{path}/ws", protocols=("bokeh", token), headers=headers
            ) as ws:
                first = await ws.receive(DEADLINE_S)
                return 101 if first.type is aiohttp.WSMsgType.TEXT else 403
        except aiohttp.WSServerHandshakeError as error:
            return error.status

    @asynccontextmanager
    async def tab(self, path: str) -> AsyncIterator["BrowserTab"]:
        """The page, loaded and connected."""
        served = await self.get(path)
        headers = self._said(Origin=ORIGIN)
        plain = path.partition("?")[0]
        async with self.client.ws_connect(
            f"http://worker{plain}/ws", protocols=("bokeh", served.token), headers=headers, max_msg_size=0
        ) as socket:
            tab = BrowserTab(served, socket)
            await tab.load()
            yield tab


@dataclass
class BrowserTab:
    """A page's end of its socket."""

    page: Page
    socket: aiohttp.ClientWebSocketResponse
    document: dict[str, Any] = field(default_factory=dict)
    _number: int = 0

    async def load(self) -> None:
        """Take the document, as Bokeh's own script does first."""
        await self.message("ACK")
        await self.send("PULL-DOC-REQ", {})
        self.document = (await self.message("PULL-DOC-REPLY"))["doc"]

    async def say(self, message: dict[str, Any]) -> None:
        """As the surface of the page says it."""
        values = {"type": "map", "entries": [["model", {"id": self._surface()}], ["data", _encoded(message)]]}
        event = {"kind": "MessageSent", "msg_type": "bokeh_event"}
        await self.send(
            "PATCH-DOC", {"events": [event | {"msg_data": {"type": "event", "name": "data_event", "values": values}}]}
        )

    async def heard(self, kind: str) -> dict[str, Any]:
        """The next message of this kind that the page's session sends to the surface."""
        while True:
            for event in (await self.message("PATCH-DOC"))["events"]:
                data = _message_in(event)
                if data.get("kind") == kind:
                    return data

    async def message(self, kind: str) -> dict[str, Any]:
        """The next message of Bokeh's protocol of this kind."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                header = json.loads(await self.socket.receive_str())
                metadata, content = await self.socket.receive_str(), json.loads(await self.socket.receive_str())
                assert metadata == "{}"
                for _ in range(2 * header.get("num_buffers", 0)):
                    await self.socket.receive()
                if header["msgtype"] == kind:
                    found: dict[str, Any] = content
                    return found

    async def send(self, kind: str, content: dict[str, Any]) -> None:
        self._number += 1
        for piece in ({"msgid": str(self._number), "msgtype": kind}, {}, content):
            await self.socket.send_str(json.dumps(piece))

    def _surface(self) -> str:
        (surface,) = [root for root in self.document["roots"] if root["attributes"].get("name") == "surface"]
        found: str = surface["id"]
        return found


@asynccontextmanager
async def worker_at(socket: Path) -> AsyncIterator[Worker]:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as client:
        yield Worker(client)


def _opened(token: str) -> dict[str, Any]:
    body = token.partition(".")[0]
    payload: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    packed = payload.pop("__bk__zlib_", None)
    if packed is not None:
        payload |= json.loads(zlib.decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4))))
    return payload


def _encoded(message: dict[str, Any]) -> dict[str, Any]:
    return {"type": "map", "entries": [[name, value] for name, value in message.items()]}


def _message_in(event: dict[str, Any]) -> dict[str, Any]:
    if event.get("kind") != "MessageSent" or event.get("msg_type") != "bokeh_event":
        return {}
    values: dict[str, Any] = _decoded(event["msg_data"]["values"])
    return values.get("data") or {}


def _decoded(value: Any) -> Any:
    if isinstance(value, dict) and value.get("type") == "map":
        return {name: _decoded(member) for name, member in value.get("entries", [])}
    return value
