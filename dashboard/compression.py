"""In which coding does an answer go out? What the client takes, and what it costs us."""

import gzip
import re
from collections.abc import Sequence

import brotli

WORTH_BYTES = 1024
"""Shorter answers go out as they are."""
_QUICK_GZIP, _QUICK_BROTLI = 4, 4
_THOROUGH_GZIP, _THOROUGH_BROTLI = 9, 9
_QUALITY = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", re.ASCII | re.IGNORECASE)
CODINGS = ("br", "gzip")
"""The best first."""


def best_coding(accept_encoding: str, codings: Sequence[str] = CODINGS) -> str | None:
    """The first of ``codings`` among those that the client likes best; None: as it is."""
    likes = dict(_liking(item) for item in accept_encoding.split(",") if item.strip())
    best, best_quality = None, likes.get("identity", 0.0)
    for coding in codings:
        quality = likes.get(coding, likes.get("*", 0.0))
        if quality > 0 and quality > best_quality:
            best, best_quality = coding, quality
    return best


def _liking(item: str) -> tuple[str, float]:
    name, *parameters = item.split(";")
    found = [match for parameter in parameters if (match := _QUALITY.fullmatch(parameter))]
    return name.strip().lower(), min(1.0, float(found[0][1])) if found else 1.0


def compress(data: bytes, coding: str) -> bytes:
    """Quickly, for what is made anew each time."""
    if coding == "br":
        return _brotli(data, _QUICK_BROTLI)
    return gzip.compress(data, _QUICK_GZIP, mtime=0)


def compress_well(data: bytes, coding: str) -> bytes:
    """For what is compressed once and sent often."""
    if coding == "br":
        return _brotli(data, _THOROUGH_BROTLI)
    return gzip.compress(data, _THOROUGH_GZIP, mtime=0)


def _brotli(data: bytes, quality: int) -> bytes:
    compressed: bytes = brotli.compress(data, quality=quality)
    return compressed
