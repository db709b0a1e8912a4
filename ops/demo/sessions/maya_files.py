"""What stands in the files of Maya's project, and what do its commands print?"""

_AREAS = ("customers", "invoices", "ledger", "money", "payments", "reminders", "totals", "vat")
_CASES = (
    "adds_lines", "keeps_the_currency", "refuses_a_float", "rounds_half_even", "sums_to_zero_without_lines",
    "splits_by_rate", "survives_a_credit_note", "takes_the_date_of_the_invoice", "uses_the_customers_rate",
    "writes_one_entry_each", "prints_two_digits", "ignores_drafts", "counts_a_discount_once", "warns_about_a_gap",
    "reads_what_it_wrote", "says_who_changed_it", "does_not_round_twice", "holds_for_many_lines",
)  # fmt: skip

INVOICE = """
    invoice 2291  customer 118  2026-11-03
      net     vat   gross   text
      33.325  0.19  39.65   Berth, 3 days
      33.335  0.19  39.66   Water
      33.335  0.19  39.67   Power
    total 118.98 + rounding 0.01 = 118.99
    ledger 119.00   DIFFERENCE 0.01
"""
USES_OF_CENTS = """
    billing/money.py:8:def cents(amount: Decimal) -> Decimal:
    billing/totals.py:15:    return sum((cents(line.net * (1 + line.vat)) for line in lines), Decimal(0))
    billing/ledger.py:88:        entry.vat = cents(sum_of_net * rate)
    billing/reminders.py:40:    fee = cents(open_amount * RATE)
"""
TOTALS = '''
    """What does an invoice come to?"""

    from collections.abc import Sequence
    from decimal import Decimal

    from billing.lines import Line
    from billing.money import cents


    def net(lines: Sequence[Line]) -> Decimal:
        return sum((line.net for line in lines), Decimal(0))


    def gross(lines: Sequence[Line]) -> Decimal:
        return sum((cents(line.net * (1 + line.vat)) for line in lines), Decimal(0))
'''
MONEY = '''
    """Money is Decimal. Rounded to cents, half to even, and only here."""

    from decimal import ROUND_HALF_EVEN, Decimal

    CENT = Decimal("0.01")


    def cents(amount: Decimal) -> Decimal:
        return amount.quantize(CENT, ROUND_HALF_EVEN)
'''
OLD_GROSS = """
    def gross(lines: Sequence[Line]) -> Decimal:
        return sum((cents(line.net * (1 + line.vat)) for line in lines), Decimal(0))
"""
NEW_GROSS = '''
    def gross(lines: Sequence[Line]) -> Decimal:
        """VAT is rounded once for each rate, as the law and the ledger do it."""
        by_rate: dict[Decimal, Decimal] = defaultdict(Decimal)
        for line in lines:
            by_rate[line.vat] += line.net
        return sum((net + cents(net * vat) for vat, net in by_rate.items()), Decimal(0))
'''
OLD_IMPORT = "from collections.abc import Sequence"
NEW_IMPORT = "from collections import defaultdict\nfrom collections.abc import Sequence"
ONE_FAILS = """
    .......F...                                                              [100%]
    =================================== FAILURES ===================================
    ___________________ test_three_lines_that_end_in_half_a_cent ___________________

        def test_three_lines_that_end_in_half_a_cent():
    >       assert gross(LINES) == Decimal("118.99")
    E       AssertionError: assert Decimal('119.00') == Decimal('118.99')

    tests/test_totals.py:31: AssertionError
    1 failed, 10 passed in 0.48s
"""
PROPERTY = '''
    """Does every invoice come to what the ledger books?"""

    from hypothesis import given, settings

    from billing.ledger import entries_of
    from billing.totals import gross
    from tests.strategies import invoices


    @settings(max_examples=500)
    @given(invoices())
    def test_total_and_ledger_agree_to_the_cent(invoice):
        assert gross(invoice.lines) == sum(entry.amount for entry in entries_of(invoice))
'''
FLOATS = """
    billing/reports.py:44:    total = float(sum(row.net for row in rows))
    billing/imports/bank.py:19:        amount = float(row["amount"])
    billing/layout.py:8:MARGIN_CM = 2.5
"""
REPORTS = """
    def yearly(rows: Iterable[Row]) -> Report:
        # Only for the chart; the table below is exact.
        rows = list(rows)
        months = by_month(rows)
        total = float(sum(row.net for row in rows))
        return Report(months, total)
"""
REFUNDS = '''
    # Refunds are entries of their own: nothing is ever deleted from the ledger.



    def book_refund(payment: Payment) -> Entry:
        """Give back a payment, or a part of it."""
        return Entry(kind="refund", of=payment.id, amount=-payment.refunded)
'''


def all_pass() -> str:
    """A long output: a line for every test."""
    names = [f"tests/test_{area}.py::test_it_{case}" for area in _AREAS for case in _CASES]
    lines = [f"{name:<70} PASSED [{100 * number // len(names):3d}%]" for number, name in enumerate(names, 1)]
    head = "============================= test session starts =============================="
    return "\n".join([head, f"collected {len(names)} items", "", *lines, "", f"{len(names)} passed in 4.61s"])
