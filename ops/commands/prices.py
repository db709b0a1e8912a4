"""``nexus prices …``: what do tokens cost, from which day on, and who says so?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from domain.price_files import Change
    from domain.price_list import PriceList
    from domain.prices import Price
    from ops.price_desk import PriceDesk
    from ops.price_words import TypedPrice

SHIPPED = "shipped"
app = typer.Typer(help="List, set, import and compare the prices that tokens are reckoned with.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]
From = Annotated[str | None, typer.Option("--from", help="First day (UTC) it holds, as 2026-09-01; today if left out.")]
Amount = Annotated[str | None, typer.Option(help="US dollars per million tokens.")]
Source = Annotated[str | None, typer.Option(help="Where it is from, as it shall stand beside every amount.")]


@app.command(
    "list", epilog="Examples:  nexus prices list --model claude-opus-4-5  |  nexus prices list --on 2026-02-01"
)
def list_prices(
    model: Annotated[str | None, typer.Option(help="Only those that this model's name fits.")] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="Only what is in force on this day: 2026-09-01, today.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every price that stands, with its source. The JSON can be imported again."""
    from domain.price_files import price_facts
    from ops.clock import utc_now
    from ops.price_desk import with_prices
    from ops.price_words import day_typed, prices_table

    day = None if on is None else day_typed(on, utc_now().date())

    async def work(desk: "PriceDesk") -> "tuple[list[Price], set[tuple[str, date]]]":
        own = set(desk.own.own) if desk.own else set()
        found = list(desk.book.for_model(model) if model else desk.book.prices)
        if day is not None:
            held = {desk.book.in_force(model or price.pattern, day) for price in found}
            found = [price for price in found if price in held]
        return found, own

    found, own = with_prices("prices", work)
    if as_json:
        print(json.dumps({"prices": [price_facts(price) for price in found]}))
    elif found:
        print(prices_table(found, own))
    else:
        print(f"No price{f' for {model}' if model else ''}{f' on {day}' if day else ''}: it is shown as unpriced.")


@app.command(
    "set",
    epilog="Example: nexus prices set claude-opus-4-5 --input 4.50 --output 22.50 --from 2026-01-01 --source contract",
)
def set_price(  # noqa: PLR0913, PLR0917  each option is an argument
    pattern: Annotated[str, typer.Argument(help="Name of a model, * for anything: claude-opus-4-*.")],
    input_price: Annotated[str | None, typer.Option("--input", help="US dollars per million tokens.")] = None,
    output: Amount = None,
    cache_read: Annotated[str | None, typer.Option(help="If nothing stands, 0.1 times the input.")] = None,
    cache_write_5m: Annotated[str | None, typer.Option(help="If nothing stands, 1.25 times the input.")] = None,
    cache_write_1h: Annotated[str | None, typer.Option(help="If nothing stands, twice the input.")] = None,
    long_context_input: Annotated[str | None, typer.Option(help="The same of steps with a long prompt.")] = None,
    long_context_output: Amount = None,
    long_context_cache_read: Amount = None,
    long_context_cache_write_5m: Amount = None,
    long_context_cache_write_1h: Amount = None,
    web_search: Annotated[str | None, typer.Option(help="US dollars per thousand searches.")] = None,
    factor: Annotated[
        list[str] | None,
        typer.Option(help="service_tier:batch=0.5, speed:fast=6, inference_geo:us=1.1; again for more."),
    ] = None,
    first_day: From = None,
    source: Source = None,
    as_json: AsJson = False,
) -> None:
    """Set a price from a day on, a past one too: all that is reckoned from then on changes at once.

    What is not named stays as in the price that holds for this very pattern on that day.
    """
    from domain.prices import RATE_KINDS
    from ops.clock import utc_now
    from ops.price_words import TypedPrice, day_typed

    rates = (input_price, output, cache_read, cache_write_5m, cache_write_1h)
    long_rates = (
        long_context_input,
        long_context_output,
        long_context_cache_read,
        long_context_cache_write_5m,
        long_context_cache_write_1h,
    )
    typed = TypedPrice(
        pattern=pattern.strip().lower(),
        effective_from=day_typed(first_day, utc_now().date()),
        source=source or "set by hand",
        rates=dict(zip(RATE_KINDS, rates, strict=True)),
        long_context=dict(zip(RATE_KINDS, long_rates, strict=True)),
        web_search=web_search,
        factors=factor or (),
    )
    _set(typed, as_json=as_json)


@app.command("import", epilog="Example: nexus prices import prices.json --from 2026-09-01 --dry-run")
def import_prices(
    file: Annotated[Path, typer.Argument(help="JSON of `nexus prices list --json`, or LiteLLM's list of prices.")],
    first_day: From = None,
    source: Source = None,
    provider: Annotated[str, typer.Option(help="Whose models are taken from LiteLLM's list.")] = "anthropic",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Take over the prices of a file; those that it does not name stay."""
    from domain.price_files import changes
    from domain.price_list import PriceList
    from ops.clock import utc_now
    from ops.price_desk import with_prices

    now, prices = utc_now(), _read(file, first_day, source, provider)

    async def work(desk: "PriceDesk") -> "Sequence[Change]":
        changed = changes(desk.book.prices, prices)
        new = [change.after for change in changed if change.after is not None]

        def word(standing: "PriceList | None", who: str) -> "PriceList":
            return PriceList.with_all(standing, new, origin=file.name, who=who, at=now)

        if new and not dry_run:
            await desk.save(word)
        return changed

    changed = with_prices("prices", work)
    _print(changed, "would change" if dry_run else "changed")


@app.command("diff", epilog="Examples:  nexus prices diff prices.json  |  nexus prices diff shipped")
def diff_prices(
    what: Annotated[str, typer.Argument(help="A file, or `shipped`: the list that came with this Nexus.")],
    first_day: From = None,
    provider: Annotated[str, typer.Option(help="Whose models are taken from LiteLLM's list.")] = "anthropic",
) -> None:
    """Say what would change: by importing a file, or by going back to what is shipped."""
    from domain.price_files import changes
    from ops.price_desk import with_prices
    from ops.prices import shipped_prices

    prices = shipped_prices() if what == SHIPPED else _read(Path(what), first_day, None, provider)

    async def work(desk: "PriceDesk") -> "Sequence[Change]":
        return changes(desk.book.prices, prices, removes=what == SHIPPED)

    _print(with_prices("prices", work), "would change")


@app.command("withdraw", epilog="Example: nexus prices withdraw claude-opus-4-5 --from 2026-01-01")
def withdraw_price(
    pattern: Annotated[str, typer.Argument(help="As `nexus prices list` shows it.")],
    first_day: Annotated[str, typer.Option("--from", help="Its first day, as `nexus prices list` shows it.")],
) -> None:
    """Take back a price of one's own, so that the shipped one holds again; or have a shipped one hold no more."""
    from domain.price_list import PriceList
    from ops.clock import utc_now
    from ops.price_desk import with_prices
    from ops.price_words import day_typed

    now = utc_now()
    key = (pattern.strip().lower(), day_typed(first_day, now.date()))

    async def work(desk: "PriceDesk") -> None:
        if key not in {price.key for price in desk.book.prices}:
            raise SetupError(
                f"There is no price {key[0][:100]!r} from {key[1]}; `nexus prices list` shows those there are."
            )

        def word(standing: "PriceList | None", who: str) -> "PriceList":
            return PriceList.without(standing, key, who=who, at=now)

        await desk.save(word)

    with_prices("prices", work)
    print(f"{key[0]} from {key[1]}: withdrawn.")


def _set(typed: "TypedPrice", *, as_json: bool) -> None:
    from domain.price_files import changes, price_facts
    from domain.price_list import PriceList
    from ops.clock import utc_now
    from ops.price_desk import with_prices
    from ops.price_words import change_text, price_typed

    async def work(desk: "PriceDesk") -> "tuple[Price, Sequence[Change]]":
        same = [price for price in desk.book.prices if price.pattern == typed.pattern]
        begun = [price for price in same if price.effective_from <= typed.effective_from]
        price = price_typed(typed, max(begun, key=lambda each: each.effective_from, default=None))

        def word(standing: "PriceList | None", who: str) -> "PriceList":
            return PriceList.with_price(standing, price, who=who, at=utc_now())

        await desk.save(word)
        return price, changes(desk.book.prices, [price])

    price, changed = with_prices("prices", work)
    if as_json:
        print(json.dumps(price_facts(price)))
    else:
        print("\n".join(map(change_text, changed)) or "Nothing changes: this price stands.")


def _read(file: Path, first_day: str | None, source: str | None, provider: str) -> "Sequence[Price]":
    from domain.price_files import read_prices
    from ops.clock import utc_now
    from ops.price_words import day_typed

    today = utc_now().date()
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{file} cannot be read: {error}.") from None
    return read_prices(
        text,
        effective_from=day_typed(first_day, today),
        source=source or f"{file.name}, imported {today}",
        provider=provider,
    )


def _print(changed: "Sequence[Change]", what: str) -> None:
    from ops.price_words import change_text

    for change in changed:
        print(change_text(change))
    print(f"{len(changed)} {'price' if len(changed) == 1 else 'prices'} {what}.")
