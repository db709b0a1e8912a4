"""Does what names a person or a machine stay in the house, and everything else go out as it is?"""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.content_blocks import Block
from domain.export_redaction import GONE, redacted, redacted_text, redacted_value
from domain.transcript import RecordedTurn, Said, TurnFacts, transcript

DEVICE = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to maya.lind+x@mail.example.org, please.", "Write to [e-mail], please."),
        ("/home/maya/shop/a.py", "/home/[user]/shop/a.py"),
        ("/Users/maya.lind and more", "/Users/[user] and more"),
        ("C:\\Users\\maya\\shop", "C:\\Users\\[user]\\shop"),
        ('"C:\\\\Users\\\\maya\\\\shop"', '"C:\\\\Users\\\\[user]\\\\shop"'),
        ("~/.claude/projects/-home-maya-shop/x.jsonl", "~/.claude/projects/-home-[user]-shop/x.jsonl"),
        (f"user_{DEVICE}_account_0b7c0000-0000-4000-8000-000000000001_session_x", f"{GONE}_session_x"),
        (f'{{"device_id": "{DEVICE}"}}', f'{{"device_id": "{GONE}"}}'),
        (f"key sk-ant-{'a' * 16}", f"key sk-ant-{'*' * 16}"),
        (f"sha256 {DEVICE}", f"sha256 {DEVICE}"),
        ("npm i left-pad@1.3.0 @scope/name", "npm i left-pad@1.3.0 @scope/name"),
        ("see /home and /usr/share", "see /home and /usr/share"),
    ],
)
def test_what_names_somebody_is_gone_and_nothing_else(text: str, left: str) -> None:
    assert redacted_text(text) == left
    assert redacted_text(left) == left


def test_every_text_in_a_value_is_looked_at() -> None:
    value = redacted_value({"/home/maya/a": ["x@y.org", 5, None], "user_id": "abc", "device_id": 7})
    assert value == {"/home/[user]/a": ["[e-mail]", 5, None], "user_id": GONE, "device_id": 7}


def test_a_turn_is_redacted_everywhere() -> None:
    home = "/home/maya/x"
    facts = TurnFacts(request_id=UUID(int=1), received_at=datetime(2026, 11, 22, tzinfo=UTC))
    call = Block({"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": home}}, 0, 1)
    cut = Block({"type": "tool_use", "id": "t2", "name": "Bash", "input": {}}, 0, 1, raw_input=f'{{"a": "{home}')
    first = RecordedTurn(
        facts=facts,
        messages=(Said("user", ({"type": "text", "text": f"<system-reminder>{home}</system-reminder>See {home}"},)),),
        answer=(call, cut),
        error=f"failed in {home}",
        whole=False,
    )
    then = RecordedTurn(
        facts=facts,
        messages=(
            *first.messages,
            Said("assistant", (call.value,)),
            Said("user", ({"type": "tool_result", "tool_use_id": "t1", "content": home},)),
        ),
    )
    turns = [redacted(turn) for turn in transcript([first, then], {})]
    assert "maya" not in repr(turns)
    assert "maya" in repr(transcript([first, then], {}))
