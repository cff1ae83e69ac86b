"""The views beside current_verdicts, as the template deploys them."""

from typing import Any

from glue.catalog.tables import QUARANTINE, RECEIPTS
from tests.sql.golden import FIRST, SECOND, set_aside, told


def test_a_record_that_was_set_aside_twice_is_in_the_quarantine_view_once(golden: Any) -> None:
    first = set_aside("a", f"{FIRST} 10:00:00", code_version="1")
    again = {**first, "quarantined_at": first["arrived_at"].replace(hour=12), "code_version": "2"}
    latest = {**first, "quarantined_at": first["arrived_at"].replace(hour=13), "code_version": "0"}
    golden.fill([[again, latest], [first, set_aside("b", f"{SECOND} 10:00:00", reason="tz")]], QUARANTINE)
    found = golden.ask("SELECT bad_row_id, reason, code_version, dt FROM current_quarantine ORDER BY 1")
    assert found.rows == [("a", "json", "1", FIRST), ("b", "tz", "1", SECOND)]
    whole = golden.ask("SELECT * FROM current_quarantine")
    one_day = golden.ask("SELECT * FROM current_quarantine WHERE dt = ?", [f"'{SECOND}'"])
    assert [row[0] for row in one_day.rows] == ["b"]
    assert 0 < one_day.bytes_scanned < whole.bytes_scanned


def test_of_rows_set_aside_in_the_same_instant_the_same_one_stays_in_whatever_order_they_landed(golden: Any) -> None:
    rows = [set_aside("a", f"{FIRST} 10:00:00", code_version=version) for version in ("2", "1", "3")]
    for order in (rows, rows[::-1], rows[1:] + rows[:1]):
        golden.fill([[row] for row in order], QUARANTINE)
        assert golden.ask("SELECT code_version FROM current_quarantine").rows == [("1",)]


def test_the_signals_view_has_a_row_for_every_signal_of_a_current_verdict(golden: Any) -> None:
    sql = "SELECT label, count(*), count(DISTINCT event_id) FROM current_signals WHERE dt <= ? GROUP BY 1 ORDER BY 1"
    # e11 carries spam twice
    assert golden.ask(sql, [f"'{SECOND}'"]).rows == [("insult", 3, 3), ("spam", 8, 7), ("threat", 1, 1)]
    one = golden.ask("SELECT detector, rule, score, action, author_id FROM current_signals WHERE event_id = 'e04'")
    assert one.rows == [("terms", "r", 0.9, "review", "cid")]


def test_a_delivery_is_in_the_view_of_receipts_once_by_the_furthest_that_it_came(golden: Any) -> None:
    rows = [
        told("a", "shop", FIRST, "due"),
        told("a", "shop", FIRST, "given_up", reason="gone"),
        told("a", "shop", FIRST, "delivered"),
        told("a", "shop", FIRST, "delivered", done="none"),
        told("a", "shop", FIRST, "delivered", done="hidden"),
        told("b", "shop", FIRST, "given_up", reason="timeout"),
        told("b", "shop", FIRST, "due"),
        told("c", "shop", SECOND, "due"),
        told("c", "forum", SECOND, "delivered"),
    ]
    for order in (rows, rows[::-1], rows[4:] + rows[:4]):
        golden.fill([[row] for row in order], RECEIPTS)
        found = golden.ask("SELECT delivery_id, state, done, dt FROM current_receipts ORDER BY 1")
        assert found.rows == [
            ("a/shop", "delivered", "hidden", FIRST),
            ("b/shop", "given_up", None, FIRST),
            ("c/forum", "delivered", None, SECOND),
            ("c/shop", "due", None, SECOND),
        ]
    golden.fill([], RECEIPTS)
