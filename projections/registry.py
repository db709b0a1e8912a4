"""Which projections are there? The list; read this first."""

from domain.corrections import CORRECTION_TOPICS
from domain.errors import SetupError
from projections.exchanges import EXCHANGE_TOPICS
from projections.projector import Projection
from projections.projectors.cache import CacheProjector
from projections.projectors.conversations import ConversationsProjector
from projections.projectors.limits import LimitsProjector
from projections.projectors.requests import RequestsProjector
from projections.projectors.search import SearchProjector
from schemas.stored.events import RequestReceived, ResponseStarted

USAGE_TABLES = (
    "usage_groups", "usage_lines", "usage_quarters", "usage_days", "usage_months", "usage_conversations",
)  # fmt: skip
PROJECTIONS = (
    Projection(
        name="requests",
        version=4,
        topics=EXCHANGE_TOPICS,
        schema_file="requests.sql",
        tables=("requests",),
        views=("requests",),
        make=RequestsProjector,
    ),
    Projection(
        name="limits",
        version=1,
        topics=(RequestReceived.TOPIC, ResponseStarted.TOPIC),
        schema_file="limits.sql",
        tables=("limit_sightings",),
        views=("limit_sightings",),
        make=LimitsProjector,
    ),
    Projection(
        name="conversations",
        version=6,
        topics=(*EXCHANGE_TOPICS, *CORRECTION_TOPICS),
        schema_file="conversations.sql",
        tables=(
            "exchanges",
            "nodes",
            "texts",
            "tasks",
            "mentions",
            "corrections",
            "links",
            "conversations",
            *USAGE_TABLES,
        ),
        views=("links", "conversations", "tasks", "mentions", "exchanges", "corrections", *USAGE_TABLES),
        make=ConversationsProjector,
    ),
    Projection(
        name="cache",
        version=1,
        topics=EXCHANGE_TOPICS,
        schema_file="cache.sql",
        tables=("cache_prompts", "cache_segments", "cache_verdicts"),
        views=("cache_verdicts",),
        make=CacheProjector,
    ),
    Projection(
        name="search",
        version=1,
        topics=EXCHANGE_TOPICS,
        schema_file="search.sql",
        tables=("search_pieces", "search_places", "search_marks"),
        views=("search_pieces", "search_places"),
        make=SearchProjector,
    ),
)


def projection(name: str) -> Projection:
    """Raises SetupError for a name that is not in the list."""
    for one in PROJECTIONS:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in PROJECTIONS)
    raise SetupError(f"There is no projection {name!r}; choose one of {names}.")
