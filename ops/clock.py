"""What time is it? The one wall clock that is handed to everything that asks."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """An implementation of ``domain.ports.Clock``."""
    return datetime.fromtimestamp(time.time(), UTC)
