"""The view holds each event once, the same row in whatever order and in whatever files its copies landed."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glue.contract import VerdictRow
from tests.sql.golden import FIRST, ROWS, SECOND, SURVIVORS, Row, verdict

KEPT = (
    "event_id",
    "verdict_id",
    "author_id",
    "action",
    "arrived_at",
    "decided_at",
    "run_id",
    "sequence_number",
    "fingerprint",
    "excerpt",
)
SELECT = f"SELECT {', '.join(KEPT)} FROM current_verdicts WHERE dt BETWEEN '2026-11-01' AND '2026-11-30' ORDER BY 1, 2"


def kept(rows: list[Row] | tuple[Row, ...]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[name] for name in KEPT) for row in rows)


def current(lake: Any, rows: list[Row]) -> list[tuple[Any, ...]]:
    lake.fill([[row] for row in rows])
    return sorted(lake.ask(SELECT).rows)


def test_of_every_kind_of_repetition_the_right_row_stays(golden: Any) -> None:
    assert golden.ask(SELECT).rows == kept(SURVIVORS)


def test_the_view_has_the_contracts_columns_and_the_day(golden: Any) -> None:
    answer = golden.ask("SELECT * FROM current_verdicts WHERE dt = '2026-11-03'")
    assert [column.name for column in answer.columns] == [*VerdictRow.__struct_fields__, "dt"]
    [record] = answer.records()
    assert (record["event_id"], record["dt"], record["created_at"]) == ("e12", "2026-11-03", datetime(2026, 11, 3))
    assert (record["language"], record["extra_json"], record["top_score"]) == ("en", None, 0.9)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_order_of_landing_and_no_split_into_files_changes_the_answer(lake: Any, data: st.DataObject) -> None:
    # given: every row at least once, some landed again byte for byte, in any order, in any number of files
    again = data.draw(st.lists(st.sampled_from(ROWS), max_size=10))
    order = data.draw(st.permutations([*ROWS, *again]))
    size = data.draw(st.integers(1, len(order)))
    # when
    lake.fill([order[start : start + size] for start in range(0, len(order), size)])
    # then
    assert lake.ask(SELECT).rows == kept(SURVIVORS)


def test_every_event_of_a_day_is_there_once(golden: Any) -> None:
    counts = golden.ask(
        "SELECT dt, count(*), count(DISTINCT event_id) FROM current_verdicts "
        "WHERE dt BETWEEN '2026-11-01' AND '2026-11-03' GROUP BY dt ORDER BY dt"
    ).rows
    assert counts == [("2026-11-01", 6, 6), ("2026-11-02", 5, 5), ("2026-11-03", 1, 1)]


@pytest.mark.parametrize("moved", ["shard_id", "sequence_number", "sub_sequence_number"])
def test_copies_that_arrived_together_are_told_apart_by_their_place_in_the_stream(lake: Any, moved: str) -> None:
    low, high = {
        "shard_id": ("shardId-000000000001", "shardId-000000000002"),
        "sequence_number": ("99", "100"),
        "sub_sequence_number": (9, 10),
    }[moved]
    # The higher one was decided first, so that only the place can tell.
    places: list[dict[str, Any]] = [{moved: low}, {moved: high}]
    first = verdict("e", f"{FIRST} 10:00:00", decides=2, excerpt="first", **places[0])
    second = verdict("e", f"{FIRST} 10:00:00", decides=1, excerpt="second", **places[1])
    assert current(lake, [second, first]) == kept([first])


def test_of_two_copies_the_one_that_arrived_first_stays_wherever_it_lies(lake: Any) -> None:
    first = verdict("e", f"{FIRST} 10:00:00", decides=2, excerpt="first", shard_id="shardId-000000000002")
    second = verdict("e", f"{FIRST} 10:00:00", arrives=10, decides=1, excerpt="second", shard_id="shardId-000000000001")
    assert current(lake, [second, first]) == kept([first])


def test_of_two_payloads_that_arrived_together_the_one_with_the_smaller_number_counts(lake: Any) -> None:
    first = verdict("e", f"{FIRST} 10:00:00", sequence_number="99", fingerprint="z")
    second = verdict("e", f"{FIRST} 10:00:00", decides=5, sequence_number="100", fingerprint="a", action="block")
    assert current(lake, [second, first]) == kept([first])


def test_a_replay_keeps_the_first_arrival_and_its_verdict_counts(lake: Any) -> None:
    live = verdict("e", f"{FIRST} 10:00:00", action="block")
    replayed = verdict(
        "e", f"{FIRST} 10:00:00", decides=86_400, action="allow", run_id="replay-1", sequence_number="999"
    )
    other = verdict("e", f"{FIRST} 10:00:00", arrives=3600, decides=90_000, action="flag", fingerprint="other")
    assert current(lake, [other, replayed, live]) == kept([replayed])


def test_verdicts_decided_in_the_same_instant_are_told_apart_by_their_id(lake: Any) -> None:
    rows = [verdict("e", f"{FIRST} 10:00:00", policy_version=version) for version in ("v3", "v1", "v2")]
    assert current(lake, rows) == current(lake, rows[::-1]) == kept([rows[1]])


def test_a_mode_that_is_not_known_today_does_not_count(lake: Any) -> None:
    live = verdict("e", f"{FIRST} 10:00:00")
    future = verdict("e", f"{FIRST} 10:00:00", decides=5, mode="rehearsal", action="block", policy_version="v9")
    assert current(lake, [future, live]) == kept([live])
    assert current(lake, [future]) == []


def test_two_payloads_under_one_id_on_different_days_stand_once_in_each(lake: Any) -> None:
    # given: a producer that used an id twice, around midnight
    first = verdict("e", f"{FIRST} 23:59:00")
    second = verdict("e", f"{SECOND} 00:01:00", fingerprint="other", action="block")
    # then: a day's figure does not depend on which other days are asked for
    assert current(lake, [second, first]) == kept([first, second])
    for day, row in ((FIRST, first), (SECOND, second)):
        found = lake.ask(f"SELECT {', '.join(KEPT)} FROM current_verdicts WHERE dt = '{day}'").rows
        assert found == kept([row])
