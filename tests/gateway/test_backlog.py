"""While the disk refuses, facts are kept in order, bytes become gaps, and nothing grows without bound."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.backlog import Backlog, Entry
from gateway.frames import Kind, encode_piece
from gateway.records import GapRecord

A, B = b"a" * 16, b"b" * 16


def piece(exchange: bytes, offset: int, size: int, kind: Kind = Kind.CHUNK, time_us: int = 5) -> Entry:
    return Entry(kind, exchange, time_us, encode_piece(offset, b"x" * size))


def fact(kind: Kind, exchange: bytes = A, size: int = 10, time_us: int = 5) -> Entry:
    return Entry(kind, exchange, time_us, b"f" * size)


def emptied(backlog: Backlog) -> list[Entry]:
    out = []
    while backlog:
        out.append(backlog.oldest())
        backlog.drop_oldest()
    return out


def gap_of(entry: Entry) -> GapRecord:
    assert entry.kind is Kind.GAP
    return msgspec.json.decode(entry.payload, type=GapRecord)


def test_facts_come_back_whole_and_in_order() -> None:
    backlog, facts = Backlog(), [fact(Kind.REQUEST), fact(Kind.FORWARDED, B), fact(Kind.END, size=3)]
    assert [backlog.add(one, "full") for one in facts] == [False, False, False]
    assert len(backlog) == 3
    assert emptied(backlog) == facts


def test_pieces_that_follow_each_other_share_one_gap_and_other_parts_have_their_own() -> None:
    backlog = Backlog()
    told = [
        backlog.add(piece(A, 0, 7, Kind.REQUEST_BODY), "full"),
        backlog.add(piece(A, 100, 3), "full"),
        backlog.add(piece(B, 5, 1), "other"),
        backlog.add(piece(A, 103, 4, time_us=9), "full"),
        backlog.add(fact(Kind.END), "full"),
        backlog.add(piece(A, 107, 1), "full"),
    ]
    assert told == [True, True, True, False, False, False], "a gap that grows is no new one"
    out = emptied(backlog)
    assert [gap_of(one) for one in out[:3]] == [
        GapRecord("request", "full", 0, 7),
        GapRecord("response", "full", 100, 8),
        GapRecord("response", "other", 5, 1),
    ]
    assert [one.exchange for one in out] == [A, A, B, A]
    assert out[1].time_us == 5, "a gap has the time of its first loss"
    assert out[3].kind is Kind.END


def test_a_gap_that_was_written_is_closed() -> None:
    backlog = Backlog()
    backlog.add(piece(A, 0, 4), "full")
    emptied(backlog)
    assert backlog.add(piece(A, 4, 2), "full")
    assert gap_of(backlog.oldest()) == GapRecord("response", "full", 4, 2)


def test_when_it_is_full_facts_are_lost_and_ends_find_room_longest() -> None:
    backlog = Backlog(limit_bytes=4000)
    kept = 0
    while not backlog.add(fact(Kind.RESPONSE), "full"):
        kept += 1
    assert 10 <= kept <= 18
    assert backlog.add(piece(A, 0, 1), "full"), "no room for a gap"
    assert len(backlog) == kept
    ends = 0
    while not backlog.add(fact(Kind.END), "full"):
        ends += 1
    assert 1 <= ends <= 2, "in the end there is no room for anything"
    emptied(backlog)
    for _ in range(5):
        assert not backlog.add(fact(Kind.RESPONSE, size=3000), "full"), "what was written makes room"
        emptied(backlog)


records = st.lists(
    st.tuples(st.sampled_from([A, B]), st.sampled_from([Kind.REQUEST_BODY, Kind.CHUNK, Kind.END]), st.integers(1, 9)),
    max_size=30,
)


@given(records)
def test_gaps_cover_exactly_what_was_lost(story: list[tuple[bytes, Kind, int]]) -> None:
    backlog, at, facts = Backlog(), dict[tuple[bytes, Kind], int](), 0
    for exchange, kind, size in story:
        if kind is Kind.END:
            facts += 1
            backlog.add(fact(kind, exchange), "full")
            continue
        offset = at.get((exchange, kind), 0)
        backlog.add(piece(exchange, offset, size, kind), "full")
        at[exchange, kind] = offset + size
    out = emptied(backlog)
    gaps = [(one.exchange, gap_of(one)) for one in out if one.kind is Kind.GAP]
    found = {
        (exchange, Kind.CHUNK if gap.part == "response" else Kind.REQUEST_BODY): (gap.offset, gap.byte_count)
        for exchange, gap in gaps
    }
    assert len(gaps) == len(found)
    assert found == {key: (0, size) for key, size in at.items()}
    assert len(out) == len(gaps) + facts


def test_gaps_of_an_exchange_are_taken_out_of_turn_the_request_s_first() -> None:
    backlog = Backlog()
    for one in (piece(B, 0, 1), piece(A, 0, 4), piece(A, 9, 3, Kind.REQUEST_BODY)):
        backlog.add(one, "full")
    taken = []
    while (gap := backlog.gap_of(A)) is not None:
        taken.append(gap_of(gap))
        backlog.drop_gap(A)
    assert taken == [GapRecord("request", "full", 9, 3), GapRecord("response", "full", 0, 4)]
    assert [one.exchange for one in emptied(backlog)] == [B]
    assert backlog._size == 0
    backlog.drop_gap(A)


def test_a_gap_that_goes_on_after_it_was_taken_out_is_no_new_one_until_the_disk_is_well() -> None:
    backlog = Backlog()
    told = [backlog.add(piece(A, 0, 4), "full")]
    backlog.drop_gap(A)
    told.append(backlog.add(piece(A, 4, 2), "full"))
    assert gap_of(backlog.oldest()) == GapRecord("response", "full", 4, 2), "only what was not told yet"
    backlog.drop_gap(A)
    backlog.disk_is_well()
    told.append(backlog.add(piece(A, 9, 2), "full"))
    assert told == [True, False, True]


def test_it_counts_the_facts_that_wait() -> None:
    backlog = Backlog()
    seen = []
    for one in (piece(A, 0, 4), fact(Kind.RESPONSE), fact(Kind.END)):
        backlog.add(one, "full")
        seen.append(backlog.facts)
    while backlog:
        backlog.drop_oldest()
        seen.append(backlog.facts)
    assert seen == [0, 1, 2, 2, 1, 0]
