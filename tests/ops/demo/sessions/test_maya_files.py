"""Maya's files agree with what is said about them."""

from decimal import Decimal

from ops.demo.sessions import maya_files as files
from ops.demo.story import plain


def test_the_change_fits_the_file() -> None:
    assert plain(files.OLD_GROSS) in plain(files.TOTALS)
    assert files.OLD_IMPORT in plain(files.TOTALS)
    mended = plain(files.TOTALS).replace(plain(files.OLD_GROSS), plain(files.NEW_GROSS))
    mended = mended.replace(files.OLD_IMPORT, files.NEW_IMPORT)
    compile(mended, "totals.py", "exec")
    assert "defaultdict" in mended.splitlines()[2]


def test_searches_find_what_stands_in_the_files() -> None:
    for name, content in (("money.py", files.MONEY), ("totals.py", files.TOTALS)):
        found = next(line for line in plain(files.USES_OF_CENTS).splitlines() if line.startswith(f"billing/{name}"))
        _, number, text = found.split(":", 2)
        assert plain(content).splitlines()[int(number) - 1] == text
    assert plain(files.REPORTS).splitlines()[44 - 40].strip() == "total = float(sum(row.net for row in rows))"
    assert plain(files.REFUNDS).splitlines()[112 - 108].startswith("def book_refund")


def test_the_invoice_does_lose_a_cent() -> None:
    nets = [Decimal("33.325"), Decimal("33.335"), Decimal("33.335")]
    assert all(str(net) in files.INVOICE for net in nets)
    compile(plain(files.PROPERTY), "test.py", "exec")


def test_every_test_has_a_line() -> None:
    lines = files.all_pass().splitlines()
    assert lines[1] == "collected 144 items"
    assert len([line for line in lines if "PASSED" in line]) == len(set(lines)) - 4 == 144
    assert lines[-1] == "144 passed in 4.61s"
