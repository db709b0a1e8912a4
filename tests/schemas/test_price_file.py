"""Is a file of prices read as it is written, and one with a mistake refused?"""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from schemas.price_file import PriceFacts, PriceFile, RateFacts


def test_all_that_a_file_can_say() -> None:
    told = {
        "source": "a page",
        "prices": [
            {
                "models": ["a", "b"],
                "effective_from": "2026-01-01",
                "source": "another",
                "input": "0.1",
                "long_context": {"output": Decimal("0.2")},
                "web_search_per_1000": 10,
                "factors": {"speed": {"fast": Decimal(6)}},
            },
            {"models": ["c"]},
        ],
    }
    assert PriceFile.model_validate(told) == PriceFile(
        source="a page",
        prices=(
            PriceFacts(
                models=("a", "b"),
                effective_from=date(2026, 1, 1),
                source="another",
                input=Decimal("0.1"),
                long_context=RateFacts(output=Decimal("0.2")),
                web_search_per_1000=Decimal(10),
                factors={"speed": {"fast": Decimal(6)}},
            ),
            PriceFacts(models=("c",)),
        ),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": ["a"], "imput": 1},
        {"models": ["a"], "long_context": {"web_search_per_1000": 1}},
        {"models": ["a"], "input": "much"},
        {"models": "a"},
        {"input": 1},
    ],
    ids=range(5),
)
def test_a_mistake_is_no_missing_price(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PriceFile.model_validate({"prices": [wrong]})
