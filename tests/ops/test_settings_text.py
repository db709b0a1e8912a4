"""The table of the settings, and that the example file knows every one of them."""

from pathlib import Path

import pytest
from pydantic import BaseModel, Field, ValidationError

from ops.settings import Settings
from ops.settings_text import SettingRow, complaint, table

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_every_setting_is_described() -> None:
    rows = table(Settings)
    assert len(rows) == len(Settings.model_fields)
    for row in rows:
        assert row.description.endswith("."), row.variable
        assert row.description[0].isupper() or row.description.startswith(("false:", "1:")), row.variable


def test_a_row_says_variable_default_and_meaning() -> None:
    rows = {row.variable: row for row in table(Settings)}
    assert rows["NEXUS_GATEWAY_PORT"] == SettingRow(
        "NEXUS_GATEWAY_PORT", "3000", "Port of the gateway; 0: any free one."
    )
    assert rows["NEXUS_GATEWAY_HOST"].default == "127.0.0.1, ::1"
    assert rows["DATABASE_URL"].default == ""
    assert rows["STORAGE_ENABLED"].default == "true"
    assert rows["NEXUS_DRAIN_S"].default == "15"
    assert rows["NEXUS_ALLOW_UPSTREAM"].default == ""


def test_the_example_file_shows_every_setting_and_sets_none() -> None:
    lines = EXAMPLE.read_text().splitlines()
    shown = [line.removeprefix("#").strip().partition("=")[0] for line in lines if line.startswith("#") and "=" in line]
    assert shown == [row.variable for row in table(Settings)]
    assert not [line for line in lines if line and not line.startswith("#")]


class Odd(BaseModel):
    port: int = Field(default=1, description="A port.")


def test_a_complaint_about_something_unforeseen_still_says_where() -> None:
    class Nested(BaseModel):
        inner: Odd

    with pytest.raises(ValidationError) as caught:
        Nested.model_validate({"inner": {"port": "x"}})
    assert complaint(caught.value, Odd).startswith("inner: input should be")
