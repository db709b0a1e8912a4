"""What is in a database? Its catalogue as plain rows, to compare two databases."""

from typing import Any

from ops.db.pool import open_connection

_OWN = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
_QUERIES = {
    "relations": f"""
        SELECT n.nspname, c.relname, c.relkind::text, c.reloptions, pg_get_expr(c.relpartbound, c.oid), c.relispartition
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OWN} AND c.relkind <> 't'""",
    "columns": f"""
        SELECT n.nspname, c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               a.attstorage::text, a.attidentity::text, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE {_OWN} AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 't'""",
    "constraints": f"""
        SELECT n.nspname, k.conname, k.contype::text, pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE {_OWN}""",
    "indexes": f"""
        SELECT n.nspname, c.relname, pg_get_indexdef(i.indexrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OWN}""",
    "triggers": """
        SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal""",
    "functions": f"""
        SELECT n.nspname, p.proname, pg_get_functiondef(p.oid)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_OWN}""",
    "types": f"""
        SELECT n.nspname, t.typname, t.typtype::text
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {_OWN}""",
    "schemas": f"SELECT n.nspname FROM pg_namespace n WHERE {_OWN} AND n.nspname NOT LIKE 'pg_temp%'",
    "comments": "SELECT objoid::regclass::text, objsubid, description FROM pg_description WHERE objoid > 16383",
}


async def catalog(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the schema consists of; no rows, no ids."""
    connection = await open_connection(dsn, application_name="nexus-test")
    try:
        found = {name: await connection.fetch(query) for name, query in _QUERIES.items()}
    finally:
        await connection.close()
    return {name: sorted((tuple(row) for row in rows), key=repr) for name, rows in found.items()}
