"""Where a client works is found in every form it is said in, and kept as a keyed name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.request_view import RequestView, view_of_json
from domain.working_directory import FOLDER_PREFIX, folder_name, working_directory
from tests import captures

OLD = "Here is useful information:\n<env>\nWorking directory: /home/ada/shop\nIs directory a git repo: Yes\n</env>"
NEW = "# Environment\n[~52:faba11c0d7]\n - Primary working directory: /home/ada/shop\n - Platform: linux"
KEY, OTHER_KEY = b"k" * 32, b"l" * 32


def view(**body: Any) -> RequestView:
    found = view_of_json(json.dumps(body).encode())
    assert found is not None
    return found


@pytest.mark.parametrize("text", [OLD, NEW])
@pytest.mark.parametrize("place", ["system", "system blocks", "system message", "system message of blocks"])
def test_every_form_in_every_place(text: str, place: str) -> None:
    blocks = [{"type": "text", "text": "You help."}, {"type": "text", "text": text}]
    user = {"role": "user", "content": "hello"}
    bodies: dict[str, dict[str, Any]] = {
        "system": {"system": f"You help.\n\n{text}"},
        "system blocks": {"system": blocks},
        "system message": {"messages": [user, {"role": "system", "content": text}]},
        "system message of blocks": {"messages": [user, {"role": "system", "content": blocks}]},
    }
    assert working_directory(view(**bodies[place])) == "/home/ada/shop"


@pytest.mark.parametrize("text", ["Working directory: /x", "# Environment\nnothing of the kind", "orking directory: "])
def test_words_alone_say_nothing(text: str) -> None:
    assert working_directory(view(system=text)) == ""


def test_what_a_user_types_says_nothing() -> None:
    assert working_directory(view(messages=[{"role": "user", "content": NEW}])) == ""


def test_real_traffic_says_it() -> None:
    found = {
        working_directory(seen)
        for name in ("a_oneshot", "c_tools", "d2_two_agents", "e2_rewind")
        for one in captures.exchanges(name)
        if (seen := view_of_json(one.body)) is not None
    }
    assert found == {"", *(f"/home/dev/proj-{letter}" for letter in "acde")}


@given(st.text(), st.text())
def test_equal_folders_have_equal_names_within_a_scope(one: str, other: str) -> None:
    assert (folder_name(KEY, one) == folder_name(KEY, other)) == (one == other)
    assert folder_name(KEY, one) != folder_name(OTHER_KEY, one)
    assert folder_name(KEY, one).startswith(FOLDER_PREFIX)


def test_the_name_does_not_tell_the_folder() -> None:
    assert len(folder_name(KEY, "/home/ada/shop")) == len(FOLDER_PREFIX) + 16
    assert folder_name(KEY, "/home/ada/shop") == folder_name(KEY, "/home/ada/shop")
