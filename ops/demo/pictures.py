"""What do people show the model? Small PNGs, drawn here."""

import struct
import zlib
from collections.abc import Sequence

_WIDTH, _HEIGHT, _MARGIN = 96, 64, 6
_PAPER, _INK, _GREY = b"\xfa\xfa\xf7", b"\x30\x60\xa8", b"\xc8\xc8\xc8"


def bar_chart(bars: Sequence[int], *, cut: bool = False) -> bytes:
    """Bars of the given heights (0-52). ``cut``: the legend hangs over the right edge, as a broken layout shows it."""
    rows = [[_PAPER] * _WIDTH for _ in range(_HEIGHT)]
    for column in range(_MARGIN, _WIDTH - _MARGIN):
        rows[_HEIGHT - _MARGIN][column] = _GREY
    width = (_WIDTH - 2 * _MARGIN) // max(len(bars), 1)
    for number, height in enumerate(bars):
        _fill(rows, (_MARGIN + number * width, _HEIGHT - _MARGIN - height), (max(width - 2, 1), height), _INK)
    left = _WIDTH - 2 * _MARGIN if cut else _WIDTH - 5 * _MARGIN
    _fill(rows, (left, _MARGIN), (4 * _MARGIN, _MARGIN), _GREY)
    return _png(rows)


def _fill(rows: list[list[bytes]], corner: tuple[int, int], size: tuple[int, int], colour: bytes) -> None:
    left, top = corner
    for row in rows[top : top + size[1]]:
        for column in range(left, min(left + size[0], _WIDTH)):
            row[column] = colour


def _png(rows: list[list[bytes]]) -> bytes:
    pixels = b"".join(b"\0" + b"".join(row) for row in rows)
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    chunks = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(pixels, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
