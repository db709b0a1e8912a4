"""What does Maya do? A bug is mended, an audit runs in the background, an answer takes the wrong way and is stopped."""

from ops.demo.claude_code import ClaudeCode
from ops.demo.people import BILLING, MAYA, MAYA_LAPTOP
from ops.demo.sessions import maya_files as files
from ops.demo.stage import Stage
from ops.demo.story import Delegate, Thought, bash, edit, grep, plain, read, step, todos, write

_CODE = f"{BILLING.path}/billing"
_TESTS = f"{BILLING.path}/tests"
_ROUNDING = "Invoice 2291 shows 118.99 but the customer paid 119.00. Find out where the cent goes and mend it."
_FIND, _MEND, _PROVE = "Reproduce the lost cent", "Round once per rate", "Run all tests"


async def rounding(stage: Stage) -> None:
    """A tool loop: look, find, change, test; then a regression test, and a look at the context."""
    claude = ClaudeCode(stage, MAYA, BILLING)
    await claude.begin()
    await claude.is_named("Lost cent in invoice totals", _ROUNDING)
    await claude.asks(_ROUNDING, *_FINDING, *_MENDING)
    await stage.rest(6)
    await claude.asks("Good. Add a property test so that this cannot come back.", *_PROVING)
    await claude.looks_at_context(parts=12)


async def audit(stage: Stage) -> None:
    """An agent works in the background and is heard later, by a task notification."""
    claude = ClaudeCode(stage, MAYA_LAPTOP, BILLING)
    await claude.begin()
    await claude.asks(
        "Have somebody check all our float() calls in the background. Meanwhile tell me how refunds are booked.",
        step("I send an agent to look for `float` and read about refunds meanwhile.", _AUDIT),
        *_REFUNDS,
    )
    await stage.rest(5)
    await claude.asks("Yes, replace it.", *_REPLACING)


async def second_thoughts(stage: Stage) -> None:
    """An answer goes the wrong way; Escape; the next prompt says it better. Over lunch the prompt cache runs out."""
    claude = ClaudeCode(stage, MAYA, BILLING)
    await claude.begin()
    await claude.asks("How do I find customers who always pay late?", step(_OVERDONE, interrupted_after=14))
    await stage.rest(3)
    await claude.asks("No machine learning, please. Just one SQL query.", step(_QUERY))
    await stage.rest(20)
    await claude.asks("Back from lunch. Only customers with more than 5,000 open.", step(_QUERY_OPEN, forgets=True))


_FINDING = (
    step(
        Thought(
            "A cent missing on one invoice smells of rounding each line instead of each rate. First reproduce it, then "
            "look at how totals are summed."
        ),
        "I start by reproducing it with the lines of that invoice.",
        todos((_FIND, "in_progress"), (_MEND, "pending"), (_PROVE, "pending")),
        bash("python -m billing.show 2291 --lines", files.INVOICE),
    ),
    step(
        "Three lines at 19 % end in a half cent each. Let me see how they are added up.",
        grep("cents\\(", _CODE, files.USES_OF_CENTS),
        read(f"{_CODE}/totals.py", files.TOTALS),
        read(f"{_CODE}/money.py", files.MONEY),
    ),
)
_MENDING = (
    step(
        Thought(
            "gross() rounds per line: three half cents lose one cent against rounding the sum per rate. The ledger "
            "groups by rate (ledger.py:88), so totals must do the same. half-even stays, that is in money.py."
        ),
        "Found it: `gross` rounds every line by itself, while the ledger rounds once per VAT rate. "
        "I make the total follow the ledger.",
        todos((_FIND, "completed"), (_MEND, "in_progress"), (_PROVE, "pending")),
        edit(f"{_CODE}/totals.py", files.OLD_GROSS, files.NEW_GROSS),
        edit(f"{_CODE}/totals.py", files.OLD_IMPORT, files.NEW_IMPORT),
    ),
    step(bash("pytest -q tests/test_totals.py", files.ONE_FAILS, exit_code=1, takes_s=3.0)),
    step(
        Thought("That test has the wrong sum as expected value: 118.99 was written down from the old code."),
        "One test had the wrong sum written down as the expected one; by hand it is 119.00. I correct the test.",
        edit(f"{_TESTS}/test_totals.py", 'gross(LINES) == Decimal("118.99")', 'gross(LINES) == Decimal("119.00")'),
        bash("pytest -v", files.all_pass(), takes_s=5.0),
    ),
    step(todos((_FIND, "completed"), (_MEND, "completed"), (_PROVE, "completed"))),
    step(
        plain("""
        Invoice 2291 now totals **119.00**.

        - **Cause:** `gross()` rounded each line. Three lines at 19 % lost a third of a cent each.
        - **Change:** `billing/totals.py` sums the net per rate and rounds the VAT once, as the ledger does.
        - **Test:** one expected value was wrong (118.99) and is corrected; all 144 tests pass.

        Not done: invoices that were sent with a wrong total are not touched. You can list them with

        ```sql
        SELECT number, total, gross(lines) FROM invoices WHERE total <> gross(lines);
        ```
        """)
    ),
)
_PROVING = (
    step(
        "I add a property: the total always equals the sum the ledger writes.",
        write(f"{_TESTS}/test_totals_match_ledger.py", files.PROPERTY),
        bash("pytest -q tests/test_totals_match_ledger.py", "1 passed in 2.81s", takes_s=3.0),
    ),
    step("Added: 500 random invoices, total and ledger agree to the cent. With the old `gross` it fails at once."),
)

_AUDIT = Delegate(
    description="Audit float() in money code",
    prompt=(
        "Find every use of float() or float literals in billing/ that touches money. Report file, line, and whether "
        "it can lose a cent. Change nothing."
    ),
    steps=(
        step(grep("float\\(|\\d\\.\\d", _CODE, files.FLOATS)),
        step(
            read(f"{_CODE}/reports.py", files.REPORTS, first_line=40),
            bash("git log --oneline -5 -- billing/reports.py", "a81f0c2 Reports: faster sums\n03be772 Reports"),
        ),
        step(
            "Two places use float on money:\n  billing/reports.py:44 sums with float: only for the chart, harmless.\n"
            "  billing/imports/bank.py:19 parses amounts with float(): loses cents, this one is a bug.",
            pause_s=2.0,
        ),
    ),
    background=True,
    afterwards=(
        step(
            "The audit is back. One real bug: `billing/imports/bank.py:19` reads bank amounts with `float()`. "
            "I would replace it by `Decimal(text)`; shall I?"
        ),
    ),
)
_REFUNDS = (
    step(
        grep("refund", f"{_CODE}/ledger.py", "112:def book_refund(payment: Payment) -> Entry:"),
        read(f"{_CODE}/ledger.py", files.REFUNDS, first_line=108),
        pause_s=2.0,
    ),
    step(
        "A refund is booked as an entry of its own, against the payment it gives back: never as a negative payment. "
        "So the original stays visible, and a partial refund is just a smaller entry."
    ),
)
_REPLACING = (
    step(
        edit(f"{_CODE}/imports/bank.py", 'amount = float(row["amount"])', 'amount = Decimal(row["amount"])'),
        bash("pytest -q tests/imports", "22 passed in 1.20s", takes_s=2.0),
    ),
    step("Replaced; the import tests pass."),
)

_OVERDONE = (
    "You could train a model on the payment history. First we need features: the days between due date and payment, "
    "the number of reminders, the season, the size of the invoice. Then a gradient boosted tree with cross-validation "
    "over customers, a calibration step, and a service that serves its predictions with a feature store in front."
)
_QUERY = plain("""
    Then one query is enough:

    ```sql
    SELECT customer_id,
           count(*)              AS invoices,
           avg(paid_on - due_on) AS days_late
    FROM invoices
    WHERE paid_on IS NOT NULL AND due_on > current_date - interval '1 year'
    GROUP BY customer_id
    HAVING count(*) >= 3 AND min(paid_on - due_on) > 0
    ORDER BY days_late DESC;
    ```

    `min(...) > 0` is the word *always*: not a single invoice was paid in time.
""")
_QUERY_OPEN = plain("""
    Add this to `HAVING`:

    ```sql
    AND sum(total) FILTER (WHERE paid_on IS NULL) > 5000
    ```

    Then `WHERE` must not drop unpaid invoices: move `paid_on IS NOT NULL` into `avg` and `min` as a `FILTER` too.
""")
