"""The reports' answers, counted by hand; that they read only the days they need; and every way to ask for them."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from athena import reports
from athena.engine import Answer, QueryFailed
from athena.values import text_literal
from glue.catalog.tables import AUDITS, QUARANTINE, RECEIPTS
from infra.commands.query import query
from infra.commands.report import report as report_command
from tests.sql.golden import FIRST, SECOND, audited, set_aside, told, verdict

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = datetime(2026, 11, 3, tzinfo=UTC)


def ask(lake: Any, name: str, *, since: datetime = SINCE, until: datetime = UNTIL, **values: int | str) -> Answer:
    report = reports.load(name)
    given = {"since": since, "until": until, **values}
    answer = reports.run(report, given, lake.engine, database=lake.database, workgroup=lake.workgroup)
    assert [column.name for column in answer.columns] == [column.name for column in report.columns]
    return answer


def at(text: str) -> datetime:
    """A moment of the first two days of November: "1 10:15" is on the first."""
    day, time = text.split()
    return datetime.fromisoformat(f"2026-11-0{day} {time}")


def test_volume_and_action_by_hour(golden: Any) -> None:
    assert ask(golden, "actions_by_hour").rows == [
        (datetime(2026, 11, 1, 10), 3, 1, 1, 0, 1, 0.6667),  # e01 allow, e02 block, e03 flag
        (datetime(2026, 11, 1, 11), 2, 1, 0, 1, 0, 0.5),  # e04 review, e05 allow
        (datetime(2026, 11, 1, 23), 1, 0, 0, 0, 1, 1.0),  # e06 block
        (datetime(2026, 11, 2, 0), 2, 1, 0, 0, 1, 0.5),  # e07 block, e08 allow
        (datetime(2026, 11, 2, 12), 3, 0, 1, 1, 1, 1.0),  # e09 block, e10 flag, e11 review
    ]


def test_volume_and_action_by_label(golden: Any) -> None:
    # label, events, share of 11, decided, authors, allow, flag, review, block
    assert ask(golden, "actions_by_label").rows == [
        ("spam", 7, 0.6364, 6, 5, 1, 2, 1, 3),  # e02 e03 e06 e07 e08 e10 e11, of which insult decided e02
        ("insult", 3, 0.2727, 2, 2, 0, 1, 0, 2),  # e02 e09 e10, of which spam decided e10
        ("threat", 1, 0.0909, 1, 1, 0, 0, 1, 0),  # e04
    ]


def test_volume_and_action_by_surface(golden: Any) -> None:
    # surface, events, authors, allow, flag, review, block, acted on
    assert ask(golden, "actions_by_surface").rows == [
        ("comments", 5, 3, 2, 0, 1, 2, 0.6),  # e01 e02 e08 e09 e11
        ("chat", 4, 3, 1, 2, 1, 0, 0.75),  # e03 e04 e05 e10
        ("reviews", 2, 1, 0, 0, 0, 2, 1.0),  # e06 e07
    ]


AUTHORS = [
    (1, "bob", 3, 3, 1, 0, 2, 1.0, datetime(2026, 11, 2, 12)),
    (2, "dan", 2, 2, 0, 0, 2, 1.0, datetime(2026, 11, 2)),
    (3, "cid", 2, 2, 1, 1, 0, 1.0, datetime(2026, 11, 2, 12, 10)),
    (4, "ann", 3, 1, 0, 1, 0, 0.3333, datetime(2026, 11, 2, 12, 20)),
]


@pytest.mark.parametrize("limit", [1, 2, 20])
def test_top_authors_acted_on(golden: Any, limit: int) -> None:
    # eve's one event was allowed, and mal's payloads came second: neither is listed.
    assert ask(golden, "top_authors", limit=limit).rows == AUTHORS[:limit]


def test_latency_by_hop(golden: Any) -> None:
    # given: nine events decided live; e09 and e11 are a backfill's
    arrived = [-0.5, 2, 3, 4, 5, 6, 7, 8, 9]
    decided = [0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 2, 9]
    both = [0, 2.25, 3.5, 5.5, 6.5, 7.5, 8.5, 11, 13]
    # when
    rows = ask(golden, "latency").rows
    # then
    assert [row[:2] for row in rows] == [
        ("created_to_arrived", 9),
        ("arrived_to_decided", 9),
        ("created_to_decided", 9),
    ]
    for (_, _, p50, p90, p99, longest), seconds in zip(rows, (arrived, decided, both), strict=True):
        assert longest == seconds[8]
        # Percentiles are approximate: within a rank of the exact one.
        assert seconds[3] <= p50 <= seconds[5]
        assert seconds[7] <= p90 <= p99 <= seconds[8]


def test_labels_by_surface(golden: Any) -> None:
    # surface, label, events, share of the surface's events, decided, acted on, authors
    assert ask(golden, "labels_by").rows == [
        ("chat", "spam", 2, 0.5, 2, 2, 2),  # e03 e10 of e03 e04 e05 e10
        ("chat", "insult", 1, 0.25, 0, 1, 1),  # e10, which spam decided
        ("chat", "threat", 1, 0.25, 1, 1, 1),  # e04
        ("comments", "spam", 3, 0.6, 2, 2, 3),  # e02 e08 e11 of five; insult decided e02, and e08 was allowed
        ("comments", "insult", 2, 0.4, 2, 2, 1),  # e02 e09
        ("reviews", "spam", 2, 1.0, 2, 2, 1),  # e06 e07
    ]


@pytest.mark.parametrize(
    ("by", "parts"),
    [
        ("hour", ["2026-11-01 10:00", "2026-11-01 11:00", "2026-11-01 23:00", "2026-11-02 00:00", "2026-11-02 12:00"]),
        ("day", [FIRST, SECOND]),
        ("language", ["en"]),
        ("policy", ["default@v1", "default@v2"]),
    ],
)
def test_labels_by_whatever_is_asked_add_up_to_the_same(golden: Any, by: str, parts: list[str]) -> None:
    rows = ask(golden, "labels_by", by=by).rows
    assert sorted({str(row[0]) for row in rows}) == parts
    assert {label: sum(row[2] for row in rows if row[1] == label) for label in ("spam", "insult", "threat")} == {
        "spam": 7,
        "insult": 3,
        "threat": 1,
    }


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("day", [(FIRST, 6, 4, 2, 1, 1, 2, 0.6667), (SECOND, 5, 5, 1, 1, 1, 2, 0.8)]),
        ("weekday", [("1", 5, 5, 1, 1, 1, 2, 0.8), ("7", 6, 4, 2, 1, 1, 2, 0.6667)]),
        ("language", [("en", 11, 5, 3, 2, 2, 4, 0.7273)]),
        # v2 decided e09 and e11, in the backfill
        ("policy", [("default@v1", 9, 5, 3, 2, 1, 3, 0.6667), ("default@v2", 2, 2, 0, 0, 1, 1, 1.0)]),
    ],
)
def test_volume_and_action_by_other_things(golden: Any, by: str, rows: list[tuple[Any, ...]]) -> None:
    assert ask(golden, "actions_by", by=by).rows == rows


def test_volume_and_action_by_hour_of_the_day(golden: Any) -> None:
    rows = ask(golden, "actions_by", by="hour_of_day").rows
    assert [row[:2] for row in rows] == [("00", 2), ("10", 3), ("11", 2), ("12", 3), ("23", 1)]


def test_rules_beside_the_period_before(golden: Any) -> None:
    # the second day beside the first; all signals are of one rule, one for each label
    rows = ask(golden, "rules", since=SINCE + timedelta(days=1)).rows
    assert [row[:3] for row in rows] == [("r", "terms", "spam"), ("r", "terms", "insult"), ("r", "terms", "threat")]
    # hits, share of 5, acted on, decided, alone, authors, hits before, trend, first, last
    assert [row[3:] for row in rows] == [
        (4, 0.8, 3, 3, 3, 4, 3, 1.33, at("1 10:15"), at("2 12:20")),  # e07 e08 e10 e11, before e02 e03 e06
        (2, 0.4, 2, 1, 2, 2, 1, 2.0, at("1 10:15"), at("2 12:10")),  # e09 e10, before e02
        (0, 0.0, 0, 0, 0, 0, 1, 0.0, at("1 11:00"), at("1 11:00")),  # before e04
    ]


def test_repeat_offenders(golden: Any) -> None:
    # author, acted on, days, block, events, posted after the first, of these acted on, labels, first, last
    assert ask(golden, "repeat_offenders", at_least=2).rows == [
        ("bob", 3, 2, 2, 3, 2, 1.0, "insult, spam", at("1 10:15"), at("2 12:00")),
        ("dan", 2, 2, 2, 2, 1, 1.0, "spam", datetime(2026, 11, 1, 23, 59, 59, 999_000), at("2 00:00")),
        ("cid", 2, 2, 0, 2, 1, 1.0, "insult, spam, threat", at("1 11:00"), at("2 12:10")),
    ]
    assert [row[0] for row in ask(golden, "repeat_offenders").rows] == ["bob"]


def test_review_load(golden: Any) -> None:
    # day, surface, reviews, share, in the busiest hour, authors, texts
    assert ask(golden, "review_load").rows == [
        (FIRST, "chat", 1, 0.3333, 1, 1, 1),  # e04 of e03 e04 e05
        (SECOND, "comments", 1, 0.3333, 1, 1, 1),  # e11 of e08 e09 e11
    ]


def test_duplicates_and_late_arrivals(golden: Any) -> None:
    # day, rows, events, copies, decided again, conflicts, late, share, skewed, replayed, only replayed, latest arrival
    assert ask(golden, "duplicates_and_late").rows == [
        (FIRST, 12, 6, 3, 1, 2, 0, 0.0, 0, 0, 0, 6.0),  # copies: two of e02, one of e03; e05 by v2; payloads of e04 e05
        (
            SECOND,
            9,
            5,
            2,
            2,
            0,
            0,
            0.0,
            0,
            0,
            0,
            9.0,
        ),  # copies and new verdicts: e09 e11; the shadow verdict is left out
    ]


def test_late_skewed_and_replayed_events_are_counted_once(lake: Any) -> None:
    lake.fill(
        [
            [
                verdict("late", f"{FIRST} 01:00:00", arrives=7200, flags=["late"]),
                verdict("late", f"{FIRST} 01:00:00", arrives=7200, flags=["late"]),
                verdict("back", f"{FIRST} 01:00:00", flags=["late", "replayed"], arrives=9000),
                verdict("ahead", f"{FIRST} 01:00:00", arrives=-600, flags=["skew"]),
                verdict("plain", f"{FIRST} 01:00:00"),
                verdict("both", f"{FIRST} 01:00:00"),
                verdict("both", f"{FIRST} 01:00:00", flags=["replayed"], run_id="r", arrives=9000),
            ]
        ]
    )
    # "both" was there before its replay; "back" came as replayed and never otherwise
    [row] = ask(lake, "duplicates_and_late").rows
    assert (row[0], row[2], row[6], row[8:]) == (FIRST, 5, 2, (1, 2, 1, 9000.0))


def test_volume_by_day(golden: Any) -> None:
    # day, events, rows with every copy and shadow, characters (5 a row), longest, authors, shards, busiest hour
    assert ask(golden, "volume_by_day").rows == [
        (FIRST, 6, 12, 60, 5, 4, 1, 3),  # ten o'clock: e01 e02 e03
        (SECOND, 5, 10, 50, 5, 5, 1, 3),  # noon: e09 e10 e11
    ]


def test_repeated_texts(golden: Any) -> None:
    # excerpt, events, authors, surfaces, acted on, fingerprint, first, last: all of them say hello
    [row] = ask(golden, "repeated_texts", at_least=11).rows
    assert row == ("hello", 11, 5, 3, 8, "t", at("1 10:05"), at("2 12:20"))
    assert ask(golden, "repeated_texts", at_least=12).rows == []


@pytest.mark.parametrize(
    ("values", "events"),
    [
        ({"label": "spam", "action": "block"}, ["e07", "e06", "e02"]),
        ({"surface": "chat"}, ["e10", "e05", "e04", "e03"]),
        ({"author": "ann", "limit": 2}, ["e11", "e05"]),
        ({"rule": "r", "language": "en", "label": "insult"}, ["e10", "e09", "e02"]),
        ({"author": "' OR 1=1 --"}, []),
    ],
)
def test_the_verdicts_behind_a_number(golden: Any, values: dict[str, Any], events: list[str]) -> None:
    answer = ask(golden, "verdicts", **values)
    place = [column.name for column in answer.columns].index("event_id")
    assert [row[place] for row in answer.rows] == events


def test_spikes_beside_the_same_hour_of_four_weeks(lake: Any) -> None:
    # given: at ten o'clock of the first, five times spam and threats and two insults
    now = [verdict(f"s{n}", f"{FIRST} 10:{n:02}:00", labels=["spam", "threat"]) for n in range(5)]
    now += [verdict(f"i{n}", f"{FIRST} 10:{n:02}:00", labels=["insult"]) for n in range(2)]
    # and as much spam at eleven, an hour in which nothing was ever posted before
    now += [verdict(f"n{n}", f"{FIRST} 11:{n:02}:00", labels=["spam"]) for n in range(5)]
    # and in the weeks before: 2 and 1 of spam, a week of calm content, and a week of nothing in that hour
    past = [
        verdict("a1", "2026-10-25 10:00:00", labels=["spam"]),
        verdict("a2", "2026-10-25 10:59:59", labels=["spam"]),
    ]
    past += [verdict("b1", "2026-10-18 10:30:00", labels=["spam"]), verdict("c1", "2026-10-11 10:00:00")]
    past += [verdict("d1", "2026-10-04 09:59:59", labels=["threat"]), verdict("e1", "2026-09-27 10:00:00")]
    lake.fill([now, past])
    # then
    ten = at("1 10:00")
    assert ask(lake, "spikes", at_least=5).rows == [
        (ten, "spam", 5, 1.0, 5.0, 3),
        (ten, "threat", 5, 0.0, None, 3),
    ]
    assert ask(lake, "spikes", at_least=5, times=5).rows[0][:2] == (ten, "spam")
    assert [row[1] for row in ask(lake, "spikes", at_least=5, times=6).rows] == ["threat"]
    # a longer baseline than there is: nothing says what is usual
    assert ask(lake, "spikes", at_least=5, baseline=4).rows == []
    # by surface: 7 events against 2, 1 and 1 of three weeks
    assert ask(lake, "spikes", by="surface", at_least=5).rows == [(ten, "comments", 7, 1.33, 5.3, 3)]


def test_summary_beside_the_period_before(golden: Any) -> None:
    # events, authors, flag, review, block, share, degraded, late, decided within, newest, decided, before, its share
    [row] = ask(golden, "summary", since=SINCE + timedelta(days=1)).rows
    assert row[:8] == (5, 5, 1, 1, 2, 0.8, 0, 0)
    assert row[8] == 2.0  # e10 took longest of e07, e08 and e10; a backfill decided e09 and e11
    assert row[9:] == (at("2 12:20"), datetime(2026, 11, 2, 14, 0, 9), 6, 0.6667)
    # narrowed down: e04, e05 and e10 of chat, and e03
    [chat] = ask(golden, "summary", surface="chat").rows
    assert chat[:6] == (4, 3, 2, 1, 0, 0.75)
    [threats] = ask(golden, "summary", label="threat", language="en").rows
    assert threats[:6] == (1, 1, 0, 1, 0, 1.0)


@pytest.mark.parametrize("name", reports.names())
def test_what_nothing_has_narrows_a_report_down_to_nothing(golden: Any, name: str) -> None:
    for parameter in reports.load(name).parameters:
        if parameter.type == "text":
            given: dict[str, Any] = {parameter.name: "' OR 1=1 --"}
            assert ask(golden, name, **given).rows == []


def test_reports_narrowed_down_add_up_to_the_whole(golden: Any) -> None:
    whole = {row[0]: row[1] for row in ask(golden, "actions_by", by="day").rows}
    parts = [ask(golden, "actions_by", by="day", surface=one).rows for one in ("comments", "chat", "reviews")]
    assert {day: sum(row[1] for rows in parts for row in rows if row[0] == day) for day in whole} == whole


def test_completeness_by_the_last_audit_of_a_day(lake: Any) -> None:
    lake.fill(
        [
            [audited(FIRST, at=f"{SECOND} 00:30:00", archived=200, missing=2)],
            # looked at again later, when nothing was missing any more
            [audited(FIRST, at=f"{SECOND} 08:30:00", archived=200, altered=1)],
            [audited(SECOND, at="2026-11-03 08:30:00", archived=400, missing=1, dead_lettered=3, landed=396)],
            [audited("2026-11-03", at="2026-11-04 00:00:00", archived=9)],
        ],
        AUDITS,
    )
    # day, completeness, archived, landed, quarantined, dead letters, missing, ghosts, altered, objects, when, until
    assert ask(lake, "completeness").rows == [
        (FIRST, 1.0, 200, 200, 0, 0, 0, 0, 1, 0, at("2 08:30"), at("2 00:00")),
        (SECOND, 0.9975, 400, 396, 0, 3, 1, 0, None, 0, datetime(2026, 11, 3, 8, 30), datetime(2026, 11, 3)),
    ]


def test_quarantine_by_reason(lake: Any) -> None:
    lake.fill(
        [
            [
                set_aside("a", f"{FIRST} 10:00:00", partition_key="p1"),
                # handed over twice
                set_aside("a", f"{FIRST} 10:00:00", partition_key="p1", quarantined_at=at("1 11:00")),
                set_aside("b", f"{FIRST} 12:00:00", partition_key="p2", detail="the latest", payload_bytes=30),
                set_aside("c", f"{SECOND} 00:00:00", reason="tz", shard_id="shardId-000000000001"),
                set_aside("d", f"{SECOND} 01:00:00", reason="tz", shard_id="shardId-000000000002"),
                set_aside("e", f"{SECOND} 02:00:00", reason="tz"),
                set_aside("f", "2026-11-03 00:00:00"),
            ]
        ],
        QUARANTINE,
    )
    # reason, stage, records, share, bytes, shards, partition keys, example, first, last
    assert ask(lake, "quarantine_by_reason").rows == [
        ("tz", "decode", 3, 0.6, 30, 3, 1, "not one JSON document", at("2 00:00"), at("2 02:00")),
        ("json", "decode", 2, 0.4, 40, 1, 2, "the latest", at("1 10:00"), at("1 12:00")),
    ]


def test_decided_and_done(golden: Any) -> None:
    # golden: block e02 e06 of the first and e07 e09 of the second, flag e03 e10, review e04 e11
    golden.fill(
        [
            [told("e02", "shop", FIRST, "due")],
            [told("e02", "shop", FIRST, "delivered", done="removed")],
            # sent twice, since it was not certain: the second time there was nothing left to remove
            [told("e02", "shop", FIRST, "delivered", done="none", noted_at=at("1 10:01"))],
            [told("e02", "forum", FIRST, "due"), told("e02", "forum", FIRST, "delivered", done="none")],
            [told("e06", "shop", FIRST, "due")],
            [told("e06", "forum", FIRST, "due"), told("e06", "forum", FIRST, "given_up", reason="gone")],
            [told("e07", "shop", SECOND, "due"), told("e07", "shop", SECOND, "delivered")],
            # told of as a block by the old policy; the current verdict is a review
            [told("e11", "shop", SECOND, "delivered", done="removed")],
            # given up, redriven, and hidden then; of its replay with the same action a second delivery is under way
            [told("e03", "shop", FIRST, "given_up", reason="timeout", action="flag")],
            [told("e03", "shop", FIRST, "delivered", done="hidden", action="flag")],
            [told("e03", "shop", FIRST, "due", action="flag", delivery_id="e03/replay")],
            # of an event that is not in the lake
            [told("e99", "shop", FIRST, "delivered", done="removed")],
        ],
        RECEIPTS,
    )
    # subscriber, action, decided, done, not done, unsaid, given up, waiting, nobody told, share, oldest open
    late = datetime(2026, 11, 1, 23, 59, 59, 999_000)
    rows = ask(golden, "decided_and_done").rows
    assert [row[:10] for row in rows] == [
        ("", "review", 2, 0, 0, 0, 0, 0, 2, 0.0),  # e04 e11
        ("shop", "block", 3, 1, 0, 1, 0, 1, 0, 0.3333),  # e02, e07 unsaid, e06 on its way
        ("", "block", 1, 0, 0, 0, 0, 0, 1, 0.0),  # e09
        ("", "flag", 1, 0, 0, 0, 0, 0, 1, 0.0),  # e10
        ("forum", "block", 2, 0, 1, 0, 1, 0, 0, 0.0),  # e02 on purpose, e06
        ("shop", "flag", 1, 1, 0, 0, 0, 0, 0, 1.0),  # e03
    ]
    assert rows[1][10] == rows[4][10] == late + timedelta(seconds=6.5)  # e06
    assert rows[5][10] is None
    # as of midnight, twelve hours old or older: e02 e03 e04
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    old = ask(golden, "decided_and_done", until=midnight, age=12).rows
    assert [row[:3] for row in old] == [
        ("", "review", 1),
        ("forum", "block", 1),
        ("shop", "block", 1),
        ("shop", "flag", 1),
    ]
    assert ask(golden, "decided_and_done", until=midnight, age=24).rows == []
    golden.fill([], RECEIPTS)
    assert {row[0] for row in ask(golden, "decided_and_done").rows} == {""}


@pytest.mark.parametrize("name", reports.names())
def test_a_period_without_events_has_no_rows(golden: Any, name: str) -> None:
    since = datetime(2026, 10, 1, tzinfo=UTC)
    assert ask(golden, name, since=since, until=since + timedelta(days=2)).rows == []


def test_a_period_is_half_open_to_the_millisecond(golden: Any) -> None:
    last = datetime(2026, 11, 1, 23, 59, 59, 999_000, tzinfo=UTC)
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    assert [row[1] for row in ask(golden, "actions_by_hour", since=last, until=midnight).rows] == [1]
    assert [row[1] for row in ask(golden, "actions_by_hour", since=midnight, until=UNTIL).rows] == [2, 3]
    assert ask(golden, "actions_by_hour", since=midnight - timedelta(minutes=1), until=last).rows == []


def test_days_add_up_to_their_month(golden: Any) -> None:
    whole = ask(golden, "actions_by_surface", until=datetime(2026, 12, 1, tzinfo=UTC)).rows
    days = [
        ask(golden, "actions_by_surface", since=day, until=day + timedelta(days=1)).rows
        for day in (SINCE, SINCE + timedelta(days=1), SINCE + timedelta(days=2))
    ]
    assert sum(row[1] for row in whole) == sum(row[1] for rows in days for row in rows) == 12


@pytest.fixture(scope="module")
def quarter(lake: Any) -> Any:
    """A lake with a file of verdicts and one of quarantine in each of 92 days, all alike."""
    first = datetime(2026, 2, 20)
    days = [(first + timedelta(days=number)).isoformat(sep=" ") for number in range(92)]
    lake.fill(
        [[verdict(f"e{number:03d}{n}", day, labels=["spam"]) for n in range(4)] for number, day in enumerate(days)]
    )
    lake.fill([[set_aside(f"q{number:03d}", day)] for number, day in enumerate(days)], QUARANTINE)
    lake.fill([[audited(day[:10], at=day, archived=4)] for day in days], AUDITS)
    lake.fill([[told(f"e{number:03d}0", "shop", day[:10], "due")] for number, day in enumerate(days)], RECEIPTS)
    return lake


@pytest.mark.parametrize("name", reports.names())
def test_a_report_reads_only_the_days_it_is_asked_for(quarter: Any, name: str) -> None:
    # given: how many days a report on one day reads: some look back
    looks_back = {"rules": 1, "summary": 1, "spikes": 28}.get(name, 0)
    # when: a day, and the rest of the quarter after those it looks back on
    day = datetime(2026, 5, 1, tzinfo=UTC)
    first, last = datetime(2026, 3, 22, tzinfo=UTC), datetime(2026, 5, 23, tzinfo=UTC)
    one = ask(quarter, name, since=day, until=day + timedelta(days=1))
    all_days = ask(quarter, name, since=first, until=last)
    # then: "rules" and "summary" also read what there is of a period as long before, which are the first thirty days
    assert one.bytes_scanned > 0
    a_day = one.bytes_scanned / (1 + looks_back)
    days = (last - first).days + {"rules": 30, "summary": 30, "spikes": 28}.get(name, 0)
    assert 0.98 * days * a_day < all_days.bytes_scanned < 1.02 * days * a_day


def test_untrusted_text_as_a_parameter_finds_nothing_but_itself(golden: Any) -> None:
    sql = f"SELECT count(*) FROM current_verdicts WHERE dt = '{FIRST}' AND author_id = ?"
    for text in ("x' OR '1'='1", "'; DROP TABLE verdicts", "\\'", ":other;", "%s", "ann' --"):
        assert golden.ask(sql, [text_literal(text)]).rows == [(0,)]
    assert golden.ask(sql, [text_literal("ann")]).rows == [(2,)]


def test_a_statement_that_is_wrong_fails_with_a_reason_and_a_hint(golden: Any) -> None:
    with pytest.raises(QueryFailed) as caught:
        golden.ask("SELECT nothing FROM current_verdicts")
    assert "nothing" in caught.value.reason
    assert caught.value.hint


@pytest.fixture
def environment(golden: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What `streamkeeper up` tells people to paste."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", golden.twin.endpoint_url)
    monkeypatch.setenv("AWS_REGION", golden.twin.region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return golden


def test_the_commands_find_the_stack_by_its_outputs(environment: Any) -> None:
    arguments = ["actions_by_surface", "--since", FIRST, "--until", "2026-11-03"]
    table = CliRunner().invoke(report_command, arguments)
    assert table.exit_code == 0, table.stderr
    assert ["comments", "5", "3"] in [line.split()[:3] for line in table.stdout.splitlines()]
    rows = csv.DictReader(io.StringIO(CliRunner().invoke(report_command, [*arguments, "--csv"]).stdout))
    assert [(row["surface"], row["events"]) for row in rows] == [("comments", "5"), ("chat", "4"), ("reviews", "2")]
    sql = "SELECT action, count(*) AS events FROM current_verdicts WHERE dt = ? GROUP BY action ORDER BY 1"
    answer = CliRunner().invoke(query, [sql, "--param", SECOND, "--json"])
    assert json.loads(answer.stdout) == [
        {"action": "allow", "events": 1},
        {"action": "block", "events": 2},
        {"action": "flag", "events": 1},
        {"action": "review", "events": 1},
    ]
    assert "scanned" in answer.stderr


def test_a_stack_that_is_not_there_is_named_with_what_to_do(environment: Any) -> None:
    result = CliRunner().invoke(query, ["SELECT 1", "--stack", "elsewhere"])
    assert result.exit_code == 3
    assert "stack 'elsewhere' in us-east-1 does not exist" in result.stderr
    assert result.stderr.count("\n") == 1
