"""``nexus accounts …``: how do accounts pay, by the token or by a subscription?"""

import json
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.account_plans import Plan
    from ops.price_desk import PriceDesk

app = typer.Typer(
    help="Say how accounts pay; amounts of a subscription are shown as API-equivalent.", no_args_is_help=True
)
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


@app.command("plan", epilog="Example: nexus accounts plan acme subscription")
def say_plan(
    account: Annotated[str, typer.Argument(help="As pages and `nexus keys list` show it.")],
    plan: Annotated[
        str, typer.Argument(help="api: charged by the token. subscription: nothing is, so it is compared.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say how an account pays. Nobody said it: a request that is signed in with a Claude account tells."""
    from ops.price_desk import with_prices

    async def work(desk: "PriceDesk") -> None:
        await desk.say_plan(account, cast("Plan", plan))

    with_prices("accounts", work)
    print(json.dumps({"account": account, "plan": plan}) if as_json else f"Account {account}: {plan}.")


@app.command("list", epilog="Example: nexus accounts list --json")
def list_plans(as_json: AsJson = False) -> None:
    """Every account whose plan was said."""
    from ops.price_desk import with_prices
    from ops.text_table import text_table

    async def work(desk: "PriceDesk") -> "Mapping[str, Plan]":
        return desk.plans

    said = sorted(with_prices("accounts", work).items())
    if as_json:
        print(json.dumps([{"account": account, "plan": plan} for account, plan in said]))
    else:
        print(text_table(("account", "plan"), said) if said else "Nothing was said: requests tell.")
