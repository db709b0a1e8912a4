"""Every path leads to its page, with the parameter that stands in it."""

import re
from datetime import UTC, datetime

import pytest

from dashboard.markup import ASSETS
from dashboard.pages.page import Surroundings
from dashboard.pages.routes import HOME, ROUTES
from tests.fake_data import FakeDataStore

PATHS = {
    "/conversations": "conversations",
    "/conversations/0192f5a0": "conversation",
    "/insights": "insights",
    "/limits": "limits",
    "/requests": "requests",
    "/requests/x%20y": "request",
    "/usage": "usage",
}
SURROUNDINGS = Surroundings(FakeDataStore(), lambda: datetime(2026, 1, 1, tzinfo=UTC), ())


@pytest.mark.parametrize(("path", "name"), PATHS.items())
def test_a_path_has_one_page(path: str, name: str) -> None:
    (found,) = [pattern for pattern in ROUTES if re.fullmatch(pattern, path)]
    page = ROUTES[found](SURROUNDINGS, "0192f5a0")
    assert page.name == name
    assert page.section in {"conversations", "insights", "limits", "requests", "usage"}


@pytest.mark.parametrize("path", ["/", "/conversations/", "/conversations/a/b", "/requests/a/events", "/Requests"])
def test_other_paths_have_none(path: str) -> None:
    assert not [pattern for pattern in ROUTES if re.fullmatch(pattern, path)]


def test_home_is_a_page() -> None:
    assert HOME in ROUTES


@pytest.mark.parametrize("route", ROUTES.values())
def test_every_page_has_its_template_and_its_stylesheet(route: object) -> None:
    assert callable(route)
    page = route(SURROUNDINGS, "")
    assert (ASSETS / f"{page.name}.html").is_file()
    assert (ASSETS / "static" / f"{page.name}.css").is_file()
    template = (ASSETS / f"{page.name}.html").read_text()
    assert all(f'region("{name}"' in template for name in page.region_names)
    assert all(re.search(rf'\b(?:root|figure)\("{name}"', template) for name in page.figures())
