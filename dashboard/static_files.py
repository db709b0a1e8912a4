"""How do scripts and styles get to the browser? From memory: read once, compressed once, checked by the browser.

A file whose address carries a version (``?v=…``) never changes under it, so a browser keeps it for a year. Any other
is asked for each time, and answered with 304 while it is the same.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp.web import Request, Response

from dashboard.compression import WORTH_BYTES, best_coding, compress_well
from dashboard.refusals import RefusedError

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
MOST_KEPT_BYTES = 64 * 1024 * 1024
MOST_FILE_BYTES = 16 * 1024 * 1024
_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
"""What is not here is not served."""
_PACKED_ALREADY = ("image/png", "image/x-icon", "font/")


@dataclass(slots=True, eq=False)
class StaticFile:
    """A file in memory, in every coding that was asked for."""

    data: bytes
    content_type: str
    digest: str
    packed: dict[str, bytes] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while it is compressed: the others wait and have it too."""

    @classmethod
    def of(cls, data: bytes, content_type: str) -> "StaticFile":
        return cls(data, content_type, hashlib.sha256(data).hexdigest()[:32])

    async def answer(self, request: Request) -> Response:
        coding = best_coding(request.headers.get("Accept-Encoding", "")) if self._is_worth_packing() else None
        tag = f'"{self.digest}-{coding or "plain"}"'
        headers = {
            "ETag": tag,
            "Cache-Control": FOREVER if "v" in request.query else ASK_AGAIN,
            "Vary": "Accept-Encoding",
        }
        if tag in _tags_in(request.headers.get("If-None-Match", "")):
            return Response(status=304, headers=headers)
        headers["Content-Type"] = self.content_type
        if coding is None:
            return Response(body=self.data, headers=headers)
        headers["Content-Encoding"] = coding
        return Response(body=await self._in(coding), headers=headers)

    def _is_worth_packing(self) -> bool:
        return len(self.data) >= WORTH_BYTES and not self.content_type.startswith(_PACKED_ALREADY)

    async def _in(self, coding: str) -> bytes:
        async with self.lock:
            if coding not in self.packed:
                self.packed[coding] = await asyncio.to_thread(compress_well, self.data, coding)
            return self.packed[coding]

    @property
    def kept_bytes(self) -> int:
        return len(self.data) + sum(map(len, self.packed.values()))


class OwnFiles:
    """The files of one folder, read when it is made; whatever is not there then is not served."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): StaticFile.of(path.read_bytes(), _TYPES[path.suffix])
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES and path.is_file()
        }

    @property
    def version(self) -> str:
        """Another one whenever a file is another one."""
        digests = "".join(f"{name}={file.digest};" for name, file in self._files.items())
        return hashlib.sha256(digests.encode()).hexdigest()[:12]

    async def serve(self, request: Request) -> Response:
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise RefusedError(404, "There is no such file.")
        return await file.answer(request)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the Panel worker answered."""

    status: int
    content_type: str
    data: bytes


class WorkerFiles:
    """The files of the Panel worker: fetched once, kept while there is room."""

    def __init__(self, fetch: Callable[[Request], Awaitable[Fetched]]) -> None:
        self._fetch = fetch
        self._kept: OrderedDict[str, StaticFile] = OrderedDict()

    async def serve(self, request: Request) -> Response:
        file = self._kept.get(request.raw_path)
        if file is None:
            fetched = await self._fetch(request)
            if fetched.status != 200:
                raise RefusedError(404 if fetched.status < 500 else 503, "There is no such file.")
            file = StaticFile.of(fetched.data, fetched.content_type)
            if len(fetched.data) <= MOST_FILE_BYTES:
                self._kept[request.raw_path] = file
        else:
            self._kept.move_to_end(request.raw_path)
        answer = await file.answer(request)
        self._make_room()
        return answer

    def _make_room(self) -> None:
        while sum(file.kept_bytes for file in self._kept.values()) > MOST_KEPT_BYTES:
            self._kept.popitem(last=False)


def _tags_in(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
