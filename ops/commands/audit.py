"""``nexus audit``: who logged in, who saw what without redaction, and who changed who may look?"""

import csv
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.audit import AuditLine
    from ops.reading import Database


def run(wanted: dict[str, str | None], limit: int, *, form: str) -> None:
    """``wanted``: who, act, about, since; the newest ``limit`` of them are told, the oldest first."""
    from dashboard.csv_lists import cell
    from ops.people_tables import AUDIT_COLUMNS, audit_plain, audit_row, audit_table
    from ops.reading import with_database

    found = _chosen(with_database("audit", _read), wanted)[-limit:]
    match form:
        case "json":
            print(json.dumps([audit_plain(line) for line in found]))
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\r\n")
            writer.writerows([AUDIT_COLUMNS, *([cell(one) for one in audit_row(line)] for line in found)])
        case _:
            print(audit_table(found) if found else "Nothing is noted.")


async def _read(database: "Database") -> "list[AuditLine]":
    from ops.db.audit import lines_said
    from ops.db.event_log import PostgresEventLog

    return await lines_said(PostgresEventLog(database.pool))


def _chosen(lines: "list[AuditLine]", wanted: dict[str, str | None]) -> "list[AuditLine]":
    """Raises SetupError for a moment that is none."""
    from ops.clock import utc_now
    from ops.commands.verify import moment

    since = moment(wanted["since"], utc_now()) if wanted["since"] else None
    return [
        line
        for line in lines
        if wanted["who"] in {None, line.who}
        and wanted["act"] in {None, line.act}
        and wanted["about"] in {None, line.about}
        and (since is None or line.at >= since)
    ]
