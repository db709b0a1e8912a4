"""Ids: repeatable, all different, in the shapes the wire knows."""

import re
import uuid

from ops.demo.ids import Ids, account_uuid, device_id, signature


def some(ids: Ids) -> list[str]:
    return [ids.uuid(), ids.agent(), ids.long("toolu_01"), ids.hexadecimal(6)]


def test_the_same_seed_gives_the_same_ids_and_another_one_others() -> None:
    assert some(Ids("a")) == some(Ids("a"))
    assert not set(some(Ids("a"))) & set(some(Ids("b")))


def test_parts_do_not_disturb_one_another() -> None:
    whole = Ids("a")
    one, other = whole.part("one"), whole.part("other")
    first = one.agent()
    other.agent()
    assert one.agent() not in {first, other.agent(), whole.agent()}
    assert Ids("a").part("one").agent() == first


def test_nothing_comes_twice() -> None:
    ids = Ids("a")
    taken = [ids.long("msg_01") for _ in range(500)]
    assert len(set(taken)) == 500


def test_they_have_the_shapes_of_the_wire() -> None:
    ids = Ids("a")
    assert uuid.UUID(ids.uuid()).version == 4
    assert re.fullmatch("a[0-9a-f]{16}", ids.agent())
    assert re.fullmatch("toolu_01[0-9A-Za-z]{22}", ids.long("toolu_01"))
    assert re.fullmatch("[0-9a-f]{6}", ids.hexadecimal(6))
    assert re.fullmatch("[0-9a-f]{64}", device_id("x"))
    assert uuid.UUID(account_uuid("x")).version == 4


def test_devices_and_accounts_are_the_same_in_every_play() -> None:
    assert device_id("maya@atlas") == device_id("maya@atlas") != device_id("maya@finch")
    assert account_uuid("maya") == account_uuid("maya") != account_uuid("tomas")


def test_a_signature_belongs_to_its_thought() -> None:
    assert signature("one") == signature("one") != signature("other")
    assert len(signature("one")) > 200
