"""What did clients and upstream see for themselves? Files that they write while they see it, and read back.

A folder holds ``clients.jsonl`` (a line for each request), ``answers.bin`` (the bytes that clients received, one
answer behind the other) and ``upstream.jsonl`` (a line for each request that upstream got). Everything is appended and
flushed line by line; a torn last line, of a writer that was killed, is passed over. One process writes each file.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, TypeVar
from uuid import UUID

import msgspec

from domain.errors import SetupError

_CLIENTS, _ANSWERS, _UPSTREAM = "clients.jsonl", "answers.bin", "upstream.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSaw:
    """One request as the client met it. Bodies are all different, so a body's hash names the request."""

    request_id: UUID | None
    """Of the header ``x-nexus-request-id``; None: no head came."""
    body_sha256: str
    body_bytes: int
    status: int | None
    at: int = 0
    """Where the answer begins in ``answers.bin``."""
    size: int = 0
    """Bytes of the answer that came."""
    whole: bool
    """Complete in HTTP's sense."""
    gone: bool
    """The client itself went away, on purpose."""
    failed: str
    """The client's error, short; empty: none."""
    faithful: bool
    """What came is a prefix of what upstream's script says, and equal to it if whole."""
    sent_ns: int
    """Wall clock, nanoseconds since 1970."""
    ended_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSaw:
    """One request as upstream met it."""

    body_sha256: str
    body_bytes: int
    answer_sha256: str
    answer_bytes: int
    """What it meant to send."""
    ended: Literal["whole", "cut", "client_gone"]
    at_ns: int


class _Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...
    def tell(self) -> int: ...
    def close(self) -> None: ...


class RecordingWriter:
    """Writes what was seen. A file is made with its first line, so clients and upstream may be two processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, _Sink] = {}

    def client(self, saw: ClientSaw, answer: bytes) -> None:
        answers = self._file(_ANSWERS)
        at = answers.tell()
        answers.write(answer)
        self._file(_CLIENTS).write(_line(replace(saw, at=at, size=len(answer))))

    def upstream(self, saw: UpstreamSaw) -> None:
        self._file(_UPSTREAM).write(_line(saw))

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()

    def _file(self, name: str) -> _Sink:
        if name not in self._open:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._open[name] = (self._folder / name).open("ab", buffering=0)
        return self._open[name]


@dataclass(frozen=True, slots=True)
class Recordings:
    """What was seen, read back."""

    folder: Path
    clients: tuple[ClientSaw, ...]
    upstream: tuple[UpstreamSaw, ...]

    @classmethod
    def read(cls, folder: Path) -> "Recordings":
        """Raises SetupError."""
        if not folder.is_dir():
            raise SetupError(f"There is no folder of recordings at {folder}; name one that `nexus torture` wrote.")
        return cls(folder, _lines(folder / _CLIENTS, ClientSaw), _lines(folder / _UPSTREAM, UpstreamSaw))

    def answer(self, saw: ClientSaw) -> bytes:
        """The bytes that this client received. Raises SetupError."""
        if not saw.size:
            return b""
        path = self.folder / _ANSWERS
        try:
            with path.open("rb") as file:
                file.seek(saw.at)
                data = file.read(saw.size)
        except OSError as error:
            raise SetupError(f"The recorded answers in {path} cannot be read ({error.strerror}).") from error
        if len(data) < saw.size:
            raise SetupError(f"The recorded answers in {path} are shorter than {_CLIENTS} says; the recording is torn.")
        return data


def _line(saw: ClientSaw | UpstreamSaw) -> bytes:
    return msgspec.json.encode(saw) + b"\n"


T = TypeVar("T", ClientSaw, UpstreamSaw)


def _lines(path: Path, kind: type[T]) -> tuple[T, ...]:
    if not path.exists():
        return ()
    *whole, _torn = path.read_bytes().split(b"\n")
    try:
        return tuple(msgspec.json.decode(line, type=kind) for line in whole)
    except msgspec.MsgspecError as error:
        raise SetupError(f"{path} is no recording: {error}.") from error
