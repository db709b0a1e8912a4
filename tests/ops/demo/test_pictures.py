"""Pictures: real PNGs, small, and different."""

import struct
import zlib

from ops.demo.pictures import bar_chart


def chunks(png: bytes) -> dict[bytes, bytes]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    found, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + data)
        found[kind] = data
        at += 12 + length
    return found


def pixel(png: bytes, column: int, row: int) -> bytes:
    rows = zlib.decompress(chunks(png)[b"IDAT"])
    start = row * (96 * 3 + 1) + 1 + column * 3
    return rows[start : start + 3]


def test_it_is_a_png_of_its_size() -> None:
    found = chunks(bar_chart((10, 20)))
    assert list(found) == [b"IHDR", b"IDAT", b"IEND"]
    assert found[b"IHDR"] == struct.pack(">IIBBBBB", 96, 64, 8, 2, 0, 0, 0)
    assert len(zlib.decompress(found[b"IDAT"])) == 64 * (96 * 3 + 1)


def test_a_bar_is_as_high_as_its_number() -> None:
    png = bar_chart((10, 30))
    ink, paper = pixel(png, 8, 57), pixel(png, 0, 0)
    assert ink != paper
    assert [pixel(png, 8, row) == ink for row in (47, 48, 57)] == [False, True, True]
    assert [pixel(png, 50, row) == ink for row in (27, 28)] == [False, True]


def test_a_cut_legend_hangs_over_the_edge() -> None:
    whole, cut = bar_chart((10,)), bar_chart((10,), cut=True)
    paper = pixel(whole, 0, 0)
    assert (pixel(whole, 95, 8), pixel(cut, 95, 8) == paper) == (paper, False)


def test_no_bars_are_no_mistake() -> None:
    assert chunks(bar_chart(()))
