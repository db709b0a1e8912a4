"""The helper for Anthropic's TypeScript SDK."""

from pathlib import Path

import pytest

from tests.typescript_sdk import run_typescript_sdk


@pytest.mark.claude
def test_a_script_that_breaks_says_why(typescript_sdk: Path, tmp_path: Path) -> None:
    assert typescript_sdk.is_file()
    with pytest.raises(AssertionError, match=r"Cannot find module .*nowhere\.mjs"):
        run_typescript_sdk(tmp_path / "nowhere.mjs", "http://127.0.0.1:1")
