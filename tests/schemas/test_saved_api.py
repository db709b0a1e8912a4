"""What is told of a saved filter has stable names."""

import json
from datetime import UTC, datetime

from schemas.read_api import Listing
from schemas.saved_api import SavedFilterItem


def test_its_json() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    item = SavedFilterItem(name="bad", page="/requests", query="status=500", url="/requests?status=500", saved_at=at)
    said = json.loads(Listing[SavedFilterItem](items=[item], next_cursor=None).model_dump_json())
    assert said == {
        "items": [
            {
                "name": "bad",
                "page": "/requests",
                "query": "status=500",
                "url": "/requests?status=500",
                "saved_at": "2026-11-22T00:00:00Z",
            }
        ],
        "next_cursor": None,
    }
