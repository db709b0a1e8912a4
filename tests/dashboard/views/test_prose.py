"""A text is cut up for reading without losing a word of it."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.prose import FOLD_CHARS, FOLD_LINES, MAX_SHOWN, PREVIEW_CHARS, prose, verbatim

WORDS = st.sampled_from(
    [
        "word",
        " ",
        "\n",
        "\n\n",
        "```",
        "```python\n",
        "~~~\n",
        "`x`",
        "**b**",
        "# head\n",
        "`",
        "*",
        "<b>",
        "<system-reminder>",
        "</system-reminder>",
        "é",
    ]
)
texts = st.lists(WORDS, max_size=40).map("".join)


def kinds(text: str) -> list[tuple[str, str]]:
    return [(segment.kind, segment.text) for segment in prose(text).segments]


@given(texts)
def test_no_word_is_lost_and_the_order_stays(text: str) -> None:
    shown = "".join(segment.language + segment.text for segment in prose(text).segments)
    words = re.compile(r"word|é|<b>|</?system-reminder>")
    assert words.findall(shown) == words.findall(text)


@given(texts)
def test_counts_are_those_of_the_text(text: str) -> None:
    it = prose(text)
    assert it.characters == len(text)
    assert it.hidden == 0
    assert len(it.preview) <= PREVIEW_CHARS
    assert "\n" not in it.preview


@given(st.text())
def test_verbatim_is_the_text_itself(text: str) -> None:
    assert "".join(segment.text for segment in verbatim(text).segments) == text


def test_a_fence_is_code_in_its_language() -> None:
    it = prose("Before\n```python\nx = 1\n```\nAfter")
    assert [(segment.kind, segment.text, segment.language) for segment in it.segments] == [
        ("plain", "Before", ""),
        ("code", "x = 1", "python"),
        ("plain", "After", ""),
    ]
    assert ("num", "1") in it.segments[1].pieces


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```\na\n", "a"),
        ("```\na\n``\nb\n```", "a\n``\nb"),
        ("~~~\n```\n~~~\n", "```"),
        ("````\n```\n````", "```"),
        ("  ```sh extra words\na\n  ```", "a"),
    ],
)
def test_fences_end_as_markdown_says(text: str, code: str) -> None:
    assert kinds(text) == [("code", code)]


def test_a_fence_in_the_middle_of_a_line_is_text() -> None:
    assert kinds("say ``` now") == [("plain", "say ``` now")]


def test_inline_marks_become_classes() -> None:
    (segment,) = prose("# Head\nsay `code` and **strong**.").segments
    assert segment.pieces == (
        ("head", "# Head"),
        ("", "\nsay "),
        ("code", "code"),
        ("", " and "),
        ("strong", "strong"),
        ("", "."),
    )


@pytest.mark.parametrize("text", ["a * b ** c", "`open", "``", "****", "#no head", "a # b"])
def test_what_is_no_mark_stays(text: str) -> None:
    assert kinds(text) == [("plain", text)]


def test_reminders_stand_apart() -> None:
    text = "one<system-reminder>do `x`</system-reminder>two"
    assert kinds(text) == [
        ("plain", "one"),
        ("reminder", "<system-reminder>do `x`</system-reminder>"),
        ("plain", "two"),
    ]


def test_a_reminder_without_an_end_is_text() -> None:
    assert kinds("a <system-reminder> b") == [("plain", "a <system-reminder> b")]
    assert kinds("</system-reminder><system-reminder>") == [("plain", "</system-reminder><system-reminder>")]


def test_many_openings_without_an_end_cost_no_square() -> None:
    began = time.process_time()
    prose("<system-reminder>" * (MAX_SHOWN // 17) + "</system-reminde")
    prose("```\n" * (MAX_SHOWN // 4))
    prose("`" * MAX_SHOWN)
    prose("**" * (MAX_SHOWN // 2))
    assert time.process_time() - began < 3


@pytest.mark.parametrize("text", ["", "  \n", "<system-reminder>x</system-reminder>"])
def test_what_has_nothing_to_say_has_no_preview(text: str) -> None:
    assert prose(text).preview == ""
    assert not prose(text).long


def test_empty_text_has_no_segment() -> None:
    assert prose("").segments == verbatim("").segments == ()


def test_long_texts_are_folded() -> None:
    assert not prose("x" * FOLD_CHARS).long
    assert prose("x" * (FOLD_CHARS + 1)).long
    assert not prose("x\n" * (FOLD_LINES - 1)).long
    assert prose("x\n" * FOLD_LINES + "x").long
    assert not prose("short<system-reminder>" + "x" * 9999 + "</system-reminder>").long


def test_the_rest_of_a_very_long_text_is_counted() -> None:
    it = prose("x" * (MAX_SHOWN + 5))
    assert (it.characters, it.hidden, len(it.segments[0].text)) == (MAX_SHOWN + 5, 5, MAX_SHOWN)
    assert verbatim("x" * (MAX_SHOWN + 5)).hidden == 5
