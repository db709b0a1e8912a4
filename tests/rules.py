"""The rules that imports and linters cannot see. Each looks at one source and yields the places that break it."""

import ast
import re
from collections.abc import Iterator

from tests.source_tree import Source

SQL_HOMES = ("ops/db/", "projections/read_models/")
SQL = re.compile(
    r"^\s*(?:SELECT\s|INSERT INTO\s|UPDATE\s+\S+\s+SET\s|DELETE FROM\s|WITH\s+\w+\s+AS\s|LOCK TABLE\s|TRUNCATE\s"
    r"|LISTEN\s|NOTIFY\s|COPY\s+\S+\s+(?:FROM|TO)\s|SET (?:LOCAL|SESSION)\s)"
)
DDL = re.compile(
    r"\b(?:CREATE|ALTER|DROP)\s+(?:OR REPLACE\s+|UNIQUE\s+)?(TABLE|INDEX|VIEW|FUNCTION|TYPE|SCHEMA|TRIGGER)\b"
)
BUILDS = "projections/read_models/builds.py"
"""Each build of a projection has a schema of its own, so its name varies; it is checked there."""
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
TAGS = (
    "a|b|body|br|button|code|dd|div|dl|em|form|h[1-6]|head|html|i|iframe|img|input|label|li|link|meta|ol|p|pre|script"
    "|section|small|span|strong|style|svg|table|tbody|td|th|thead|title|tr|ul"
)
MARKUP = re.compile(rf"(?<!\?P)</?(?:{TAGS})(?:\s[^<>]*)?/?>|\bstyle\s*=\s*[\"']|^\s*[.#]?[\w-]+\s*\{{[^}}]*:[^}}]*;")
OTHERS_WORDS = "ops/demo/"
"""What the demo's people and models say to each other may be anything, code of pages too."""
PANES = "dashboard/markup.py"
ENVIRONMENT = {"os.environ", "os.getenv", "os.environb", "os.putenv"}
READS_ENVIRONMENT = {"ops/settings.py", "run.py"}
LOOSE_ENDS = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b|[p]ypi\.org|[p]ythonhosted|[r]egistry\.npmjs")
"""The brackets keep this very line from being one."""
EXCEPTION = re.compile(r"#\s*(?:noqa: [A-Z0-9, ]*\d|type: ignore(?:\[[\w, -]+\])?)(.*)")


def sql_away_from_home(source: Source) -> Iterator[str]:
    if not source.name.startswith(SQL_HOMES):
        yield from (source.at(text) for text in source.strings() if is_sql(text.value))


def sql_that_is_no_constant(source: Source) -> Iterator[str]:
    """But for what the driver's own ``SQL`` composes, which cannot be injected into."""
    whole = [value for _, value in constants(source)]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "SQL":
            whole += node.args
    allowed = {id(below) for value in whole for below in ast.walk(value)}
    yield from (source.at(text) for text in source.strings() if is_sql(text.value) and id(text) not in allowed)


def writing_into_sql(source: Source) -> Iterator[str]:
    if source.name != BUILDS:
        names = {name for name, value in constants(source) if isinstance(value, ast.Constant) and is_sql(value.value)}
        yield from (source.at(node) for node in ast.walk(source.tree) if is_written_into(node, names))


def tables_made_in_python(source: Source) -> Iterator[str]:
    for text in source.strings():
        kinds = {made[1] for made in DDL.finditer(str(text.value))}
        if kinds - ({"SCHEMA", "VIEW"} if source.name == BUILDS else set()):
            yield source.at(text)


def markup_in_python(source: Source) -> Iterator[str]:
    if not source.name.startswith(OTHERS_WORDS):
        yield from (source.at(text) for text in source.strings() if MARKUP.search(str(text.value)))


def reading_the_environment(source: Source) -> Iterator[str]:
    if source.name not in READS_ENVIRONMENT:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ENVIRONMENT:
                yield source.at(node)


def showing_strings_raw(source: Source) -> Iterator[str]:
    """Panel's panes take markup; one module escapes before it uses them."""
    if source.name == PANES:
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.ImportFrom(module=str() as module) if re.match(r"panel\.pane\b", module):
                yield source.at(node)
            case ast.ImportFrom(module="panel", names=names) if any(name.name == "pane" for name in names):
                yield source.at(node)
            case ast.Import(names=names) if any(name.name.startswith("panel.pane") for name in names):
                yield source.at(node)
            case ast.Attribute(value=ast.Name(id="pn" | "panel"), attr="pane"):
                yield source.at(node)


def exceptions_without_a_reason(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.lines, 1):
        exception = EXCEPTION.search(line)
        if exception and len(re.findall(r"\w+", exception[1])) < 2:
            yield f"{source.name}:{number}"


def loose_ends(source: Source) -> Iterator[str]:
    yield from (f"{source.name}:{number}" for number, line in enumerate(source.lines, 1) if LOOSE_ENDS.search(line))


def is_sql(text: object) -> bool:
    return isinstance(text, str) and bool(SQL.match(text) or DDL.search(text))


def constants(source: Source) -> Iterator[tuple[str, ast.expr]]:
    """Upper-case names at the top of a module, and their values."""
    for node in source.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if CONSTANT.fullmatch(name):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if CONSTANT.fullmatch(name):
                yield name, value


def is_written_into(node: ast.AST, sql_names: set[str]) -> bool:
    """Does this expression write something that varies into a piece of SQL?"""
    match node:
        case ast.JoinedStr(values=pieces):
            holes = [piece.value for piece in pieces if isinstance(piece, ast.FormattedValue)]
            said = any(speaks_sql(piece, sql_names) for piece in pieces if isinstance(piece, ast.Constant))
            return said and any(map(varies, holes))
        case ast.BinOp(op=ast.Add() | ast.Mod(), left=left, right=right):
            return speaks_sql(left, sql_names) and varies(right)
        case ast.Call(func=ast.Attribute(value=value, attr="format" | "format_map" | "replace" | "join")):
            return speaks_sql(value, sql_names)
    return False


def speaks_sql(node: ast.expr, sql_names: set[str]) -> bool:
    match node:
        case ast.Constant(value=text):
            return is_sql(text)
        case ast.Name(id=name):
            return name in sql_names
    return False


def varies(node: ast.expr) -> bool:
    """It is no constant of the module."""
    return not (isinstance(node, ast.Name) and CONSTANT.fullmatch(node.id))
