"""How does an answer of the read API look on the wire? JSON, compressed where the client takes it; bytes; errors."""

import asyncio
import re
from typing import TypeVar

import msgspec
from aiohttp.web import Request, Response
from pydantic import BaseModel

from dashboard.compression import WORTH_BYTES, best_coding, compress
from dashboard.csv_lists import csv_of
from dashboard.recordings import RecordedBytes
from dashboard.refusals import RefusedError
from schemas.read_api import Listing

T = TypeVar("T", bound=BaseModel)
_JSON = "application/json"
_BYTES = "application/octet-stream"
_IN_THREAD_BYTES = 256 * 1024
"""Compressing more takes so long that others should go on meanwhile."""
_NOT_IN_HEADER = re.compile(r"[^\x20-\x7e]")
_MAX_HEADER = 200


async def json_answer(request: Request, value: BaseModel) -> Response:
    return await compressed(request, value.model_dump_json().encode(), _JSON)


async def plain_json_answer(request: Request, value: object) -> Response:
    """For what is no model."""
    return await compressed(request, msgspec.json.encode(value), _JSON)


async def compressed(request: Request, data: bytes, content_type: str) -> Response:
    """In the best coding that the client takes, if that is worth it."""
    headers = {"Vary": "Accept-Encoding"}
    coding = best_coding(request.headers.get("Accept-Encoding", "")) if len(data) >= WORTH_BYTES else None
    if coding is not None:
        headers["Content-Encoding"] = coding
        large = len(data) > _IN_THREAD_BYTES
        data = await asyncio.to_thread(compress, data, coding) if large else compress(data, coding)
    return Response(body=data, content_type=content_type, headers=headers)


def bytes_answer(recorded: RecordedBytes, file_name: str) -> Response:
    """Recorded bytes, to be saved and never to be rendered: they are whatever somebody sent."""
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "X-Nexus-Outcome": recorded.outcome,
        "X-Nexus-Content-Type": _fit_for_header(recorded.content_type),
        "X-Nexus-Content-Encoding": _fit_for_header(recorded.content_encoding),
        "X-Nexus-Missing-Bytes": str(recorded.missing_bytes),
    }
    return Response(body=recorded.data, content_type=_BYTES, headers=headers)


async def file_answer(request: Request, data: bytes, content_type: str, file_name: str) -> Response:
    """A file that was written here, to be saved; a browser that shows it all the same must run nothing of it."""
    answer = await compressed(request, data, content_type)
    answer.charset = "utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return answer


async def csv_answer(request: Request, kind: type[T], listing: Listing[T], file_name: str) -> Response:
    """A page of a list for a spreadsheet; where the next one begins stands in a header."""
    answer = await file_answer(request, csv_of(kind, listing.items), "text/csv", file_name)
    if listing.next_cursor is not None:
        answer.headers["X-Nexus-Next-Cursor"] = listing.next_cursor
    return answer


def json_error(refused: RefusedError) -> Response:
    body = msgspec.json.encode({"error": {"type": refused.kind, "message": refused.message}})
    return Response(status=refused.status, body=body, content_type=_JSON, headers=dict(refused.headers))


def _fit_for_header(text: str) -> str:
    return _NOT_IN_HEADER.sub("?", text)[:_MAX_HEADER]
