"""The rules hold everywhere, and each of them bites where it is broken on purpose."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest
from importlinter.cli import lint_imports

from tests import rules
from tests.source_tree import ROOT, Source, own_tests, sources

Rule = Callable[[Source], Iterator[str]]

RULES: list[Rule] = [
    rules.sql_away_from_home,
    rules.sql_that_is_no_constant,
    rules.writing_into_sql,
    rules.tables_made_in_python,
    rules.markup_in_python,
    rules.reading_the_environment,
    rules.showing_strings_raw,
    rules.exceptions_without_a_reason,
    rules.loose_ends,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule: Rule) -> None:
    assert sorted({place for source in sources() for place in rule(source)}) == []


def planted(code: str, name: str) -> Source:
    return Source(ROOT / name, planted=code)


@pytest.mark.parametrize(
    ("rule", "name", "code"),
    [
        (rules.sql_away_from_home, "gateway/x.py", 'ROWS = "SELECT 1"'),
        (rules.sql_away_from_home, "dashboard/x.py", "def f(): return '''\n  DELETE FROM t WHERE a = $1'''"),
        (rules.sql_that_is_no_constant, "ops/db/x.py", "def f(c): return c.execute('UPDATE t SET a = 1')"),
        (rules.sql_that_is_no_constant, "ops/db/x.py", "rows = 'SELECT 1'"),
        (rules.writing_into_sql, "ops/db/x.py", "def f(t): return f'SELECT * FROM {t}'"),
        (rules.writing_into_sql, "ops/db/x.py", "_ROWS = 'SELECT * FROM {t}'\ndef f(t): return _ROWS.format(t=t)"),
        (rules.writing_into_sql, "ops/db/x.py", "ROWS = 'SELECT * FROM '\ndef f(t): return ROWS + t"),
        (rules.writing_into_sql, "ops/db/x.py", "def f(t): return 'SELECT * FROM %s' % t"),
        (rules.tables_made_in_python, "ops/db/x.py", "X = 'CREATE TABLE t ()'"),
        (rules.tables_made_in_python, rules.BUILDS, "X = 'CREATE SCHEMA s; CREATE TABLE t ()'"),
        (rules.markup_in_python, "dashboard/x.py", "X = '<div class=\"a\">'"),
        (rules.markup_in_python, "dashboard/x.py", "def f(a): return f'<td>{a}</td>'"),
        (rules.markup_in_python, "dashboard/x.py", "X = '.card { color: red; }'"),
        (rules.reading_the_environment, "gateway/x.py", "import os\nX = os.environ['A']"),
        (rules.showing_strings_raw, "dashboard/views/x.py", "import panel as pn\nX = pn.pane.HTML('')"),
        (rules.showing_strings_raw, "dashboard/views/x.py", "from panel.pane import HTML"),
        (rules.showing_strings_raw, "dashboard/views/x.py", "from panel import pane"),
        (rules.showing_strings_raw, "dashboard/views/x.py", "import panel.pane as p"),
        (rules.exceptions_without_a_reason, "gateway/x.py", "x = 1  # no" + "qa: S101"),
        (rules.exceptions_without_a_reason, "gateway/x.py", "x = 1  # type: " + "ignore[misc]"),
        (rules.loose_ends, "gateway/x.py", "# TO" + "DO later"),
    ],
)
def test_the_rule_bites(rule: Rule, name: str, code: str) -> None:
    assert list(rule(planted(code, name)))


@pytest.mark.parametrize(
    ("rule", "name", "code"),
    [
        (rules.sql_away_from_home, "ops/db/x.py", 'ROWS = "SELECT 1"'),
        (rules.sql_away_from_home, "gateway/x.py", '"""SELECT is a word of SQL."""\nX = "Select one."'),
        (rules.sql_that_is_no_constant, "ops/db/x.py", "_ROWS = 'SELECT 1'"),
        (rules.sql_that_is_no_constant, "ops/db/x.py", "def f(): return SQL('SELECT {0}').format(Literal(1))"),
        (rules.writing_into_sql, "ops/db/x.py", "CHANNEL = 'c'\n_LISTEN = f'LISTEN {CHANNEL}'"),
        (rules.writing_into_sql, "ops/db/x.py", "def f(n): return f'No table {n}.'"),
        (rules.tables_made_in_python, rules.BUILDS, "X = 'CREATE SCHEMA {s}'"),
        (rules.markup_in_python, "domain/x.py", "X = '<system-reminder>'; Y = 'a < b and c > d'"),
        (rules.markup_in_python, "dashboard/x.py", "X = '(?P<code>[a-z]+)'"),
        (rules.markup_in_python, "ops/demo/sessions/x.py", "SAID = '<div>'"),
        (rules.reading_the_environment, "ops/settings.py", "import os\nX = os.environ"),
        (rules.showing_strings_raw, rules.PANES, "import panel as pn\nX = pn.pane.HTML"),
        (rules.exceptions_without_a_reason, "gateway/x.py", "x = 1  # no" + "qa: S603  our own words"),
    ],
)
def test_the_rule_lets_pass_what_keeps_it(rule: Rule, name: str, code: str) -> None:
    assert list(rule(planted(code, name))) == []


def test_loose_ends_are_none_in_tests_and_settings_of_tools_either() -> None:
    files = [
        *own_tests(),
        *(Source(ROOT / name) for name in ("pyproject.toml", "constraints.txt", "Makefile", ".ci/run")),
    ]
    assert sorted({place for file in files for place in rules.loose_ends(file)}) == []


def test_sql_files_are_at_home() -> None:
    folders = {path.relative_to(ROOT).parent.as_posix() for path in ROOT.glob("[!.]*/**/*.sql")}
    assert folders <= {"ops/db/migrations", "projections/read_models"}


def test_every_error_of_the_domain_is_raised_or_caught_by_somebody() -> None:
    (errors,) = [source for source in sources() if source.name == "domain/errors.py"]
    names = [node.name for node in errors.tree.body if isinstance(node, ast.ClassDef)]
    rest = "\n".join(source.text for source in sources() if source.name != errors.name)
    assert [name for name in names if not re.search(rf"\b{name}\b", rest)] == []


def test_imports_keep_their_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out
