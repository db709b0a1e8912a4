"""``nexus projects …``: which projects used something, and what are they called?"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.reading import Database
    from projections.read_models.usage_queries import ProjectSum

app = typer.Typer(help="List projects, and give them labels.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


@app.command("list", epilog="Example: nexus projects list --json")
def list_projects(as_json: AsJson = False) -> None:
    """Every project, the one used last first. A folder is named by its digest: nobody stored where it lies."""
    from ops.reading import with_database
    from ops.text_table import text_table

    projects, labels = with_database("projects", _read)
    if as_json:
        found = [
            {
                "project": one.project,
                "label": labels.get(one.project),
                "requests": one.requests,
                "last_day": one.last_day.isoformat(),
            }
            for one in projects
        ]
        print(json.dumps(found))
        return
    rows = [(one.project, labels.get(one.project, ""), str(one.requests), f"{one.last_day}") for one in projects]
    print(text_table(("project", "label", "requests", "last used"), rows) if rows else "No project is known yet.")


@app.command("label", epilog="Example: nexus projects label dir:1f2e3d4c5b6a7980 shop")
def label_project(
    project: Annotated[str, typer.Argument(help="As `nexus projects list` shows it.")],
    label: Annotated[str, typer.Argument(help="What it is called from now on; '' takes the label back.")],
    as_json: AsJson = False,
) -> None:
    """Say what a project is called."""
    from functools import partial

    from ops.clock import utc_now
    from ops.db.daemon_thread import in_daemon_thread
    from ops.db.project_labels import say_label
    from ops.reading import with_database
    from ops.user_name import user_name

    async def work(database: "Database") -> None:
        await in_daemon_thread(partial(say_label, database.url, project, label, who=user_name(), at=utc_now()))

    with_database("projects", work)
    print(json.dumps({"project": project, "label": label}) if as_json else f"Project {project}: {label or 'no label'}.")


async def _read(database: "Database") -> "tuple[list[ProjectSum], Mapping[str, str]]":
    from ops.db.event_log import PostgresEventLog
    from ops.db.project_labels import labels_said
    from projections.read_models import usage_queries

    async with database.pool.acquire() as connection:
        projects = await usage_queries.projects(connection)
    return projects, await labels_said(PostgresEventLog(database.pool))
