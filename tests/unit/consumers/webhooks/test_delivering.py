"""Receivers that fail for an hour, time out, are gone or change their key: all they should have, they get."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.webhooks.ports import Reply
from consumers.webhooks.schedule import wait
from consumers.webhooks.subscribers import Refusal
from tests.fakes.webhook_desk import (
    NEW,
    OLD,
    START,
    Desk,
    down_until,
    notice,
    subscriber,
    times_out,
    works,
)

HOUR, DAY = 3_600.0, 86_400.0


def both(first: Any, second: Any = works) -> Desk:
    return Desk({"shop": subscriber("shop"), "forum": subscriber("forum")}, {"shop": first, "forum": second})


def told(count: int) -> set[str]:
    return {f"verdict-{number}" for number in range(count)}


def test_who_is_down_for_an_hour_gets_everything_and_nobody_waits_for_it() -> None:
    desk = both(down_until(START + HOUR))
    desk.tell(notice(number) for number in range(60))
    desk.run(1.0)
    assert desk.ids("forum") == told(60)
    assert desk.ids("shop") == set()
    desk.run(2 * HOUR)
    assert desk.ids("shop") == told(60)
    assert desk.waiting == []
    assert desk.dead == []
    # While it does not answer, one delivery a minute finds out, and not each of sixty by itself.
    assert desk.asked["shop"] <= 60 + 2 * 60
    assert desk.states("shop") == {verdict: {"due", "delivered"} for verdict in told(60)}
    assert {(row["done"], row["reference"]) for row in desk.rows if row["state"] == "delivered"} == {
        ("removed", "case-7")
    }


def test_who_times_out_for_a_day_is_given_up_and_holds_the_others_for_a_moment_only() -> None:
    desk = both(times_out)
    for part in range(10):
        desk.tell(notice(number) for number in range(part * 20, part * 20 + 20))
        desk.run(60.0)
    assert desk.ids("forum") == told(200)
    arrivals = {verdict: at for at, _, verdict in desk.got["forum"]}
    # Twenty verdicts come every minute. What they wait for are the time-outs of the batches that try the other one.
    waits = [arrivals[f"verdict-{number}"] - (START + number // 20 * 60) for number in range(200)]
    assert max(waits) <= 2 * 5.0
    desk.run(DAY + 2 * HOUR)
    assert desk.waiting == []
    assert len(desk.dead) == 200
    assert {reason for _, reason in desk.dead} == {"timeout", "unreachable"}
    assert desk.states("shop") == {verdict: {"due", "given_up"} for verdict in told(200)}
    assert len(desk.got["forum"]) == 200


def test_who_is_gone_gets_dead_letters_at_once_which_a_redrive_delivers() -> None:
    desk = both(lambda now: Reply(410))
    desk.tell(notice(number) for number in range(25))
    desk.run(60.0)
    assert [reason for _, reason in desk.dead] == ["gone"] * 25
    assert desk.waiting == []
    desk.behaviours["shop"] = works
    desk.redrive()
    desk.run(60.0)
    assert desk.ids("shop") == told(25)
    assert desk.dead == []
    assert desk.states("shop") == {verdict: {"due", "given_up", "delivered"} for verdict in told(25)}
    assert len(desk.got["forum"]) == 25, "a redrive is for those who did not get it"


def test_a_key_is_changed_while_messages_are_on_their_way_and_each_is_believed() -> None:
    desk = both(works)
    desk.known["shop"] = {OLD.id: OLD.secret}
    steps = [
        ((OLD,), {OLD.id: OLD.secret}),
        ((OLD, NEW), {OLD.id: OLD.secret}),
        ((OLD, NEW), {NEW.id: NEW.secret}),
        ((NEW,), {NEW.id: NEW.secret}),
    ]
    for at, (keys, known) in enumerate(steps):
        desk.subscribers["shop"] = subscriber("shop", *keys)
        desk.known["shop"] = known
        desk.tell(notice(number) for number in range(at * 5, at * 5 + 5))
        desk.run(10.0)
    assert desk.ids("shop") == told(20)
    assert len(desk.got["shop"]) == 20


def test_nothing_is_sent_to_whom_it_is_not_for() -> None:
    desk = Desk(
        {
            "blocks": subscriber("blocks", actions=("block",)),
            "spam": subscriber("spam", labels=("spam",)),
            "chat": subscriber("chat", surfaces=("chat",)),
            "off": subscriber("off", enabled=False),
        },
        dict.fromkeys(("blocks", "spam", "chat", "off"), works),
    )
    desk.tell([notice(0), notice(1, "flag", ("spam",)), notice(2, "review", ("hate", "spam")), notice(3, "allow", ())])
    desk.run(HOUR)
    assert desk.ids("blocks") == {"verdict-0"}
    assert desk.ids("spam") == {"verdict-1", "verdict-2"}
    assert desk.asked["chat"] == desk.asked["off"] == 0
    assert {row["subscriber"] for row in desk.rows} == {"blocks", "spam", "off"}


def test_what_nobody_wants_any_more_is_not_sent_and_is_no_dead_letter() -> None:
    desk = both(down_until(START + HOUR), down_until(START + HOUR))
    desk.tell([notice(0)])
    desk.run(60.0)
    del desk.subscribers["shop"]
    desk.subscribers["forum"] = subscriber("forum", actions=("review",))
    desk.run(2 * HOUR)
    assert (desk.got["shop"], desk.got["forum"], desk.dead, desk.waiting) == ([], [], [], [])
    assert {(row["subscriber"], row["reason"]) for row in desk.rows if row["state"] == "given_up"} == {
        ("shop", "unsubscribed"),
        ("forum", "not_wanted"),
    }


def test_what_is_written_of_a_subscriber_can_be_broken_for_hours_and_nothing_is_lost() -> None:
    desk = both(works)
    desk.subscribers["shop"] = Refusal("two keys with one id")
    desk.tell([notice(0, "block"), notice(1, "flag")])
    desk.run(3 * HOUR)
    assert desk.ids("forum") == told(2)
    assert desk.reports[-1].refused == 1
    desk.subscribers["shop"] = subscriber("shop", actions=("block",))
    desk.run(3 * HOUR)
    assert desk.ids("shop") == {"verdict-0"}


def test_subscribers_that_cannot_be_read_for_a_moment_hold_verdicts_up_for_seconds() -> None:
    desk = both(works)
    desk.directory_fails = 1
    desk.tell([notice(0)])
    desk.run(30.0)
    assert desk.ids("shop") == desk.ids("forum") == {"verdict-0"}


def test_when_calls_to_aws_fail_everything_comes_again() -> None:
    desk = both(works)
    desk.landing_fails, desk.sending_fails, desk.directory_fails = 5, 2, 2
    desk.tell(notice(number) for number in range(30))
    desk.run(HOUR)
    assert desk.ids("shop") == desk.ids("forum") == told(30)
    assert desk.waiting == []
    for name in ("shop", "forum"):
        ids = {(verdict, delivery) for _, delivery, verdict in desk.got[name]}
        assert len(ids) == 30, "a repeated delivery has the id of the first one"


def test_a_receipt_that_does_not_land_is_made_again_by_another_delivery() -> None:
    desk = Desk({"shop": subscriber("shop")}, {"shop": works})
    desk.tell([notice(0)])

    def works_as_landing_fails(now: float) -> Reply:
        desk.landing_fails = 2
        return works(now)

    desk.behaviours["shop"] = works_as_landing_fails
    desk.run(1.0)
    assert desk.states("shop") == {"verdict-0": {"due"}}
    desk.behaviours["shop"] = works
    desk.run(HOUR)
    assert desk.states("shop") == {"verdict-0": {"due", "delivered"}}
    assert len(desk.got["shop"]) == 2


def test_what_cannot_be_buried_stays_in_the_queue() -> None:
    desk = Desk({}, {})
    desk.burying_fails = 3
    desk.put("no message of ours")
    desk.put(msgspec.json.encode({"kind": "delivery", "subscriber": "shop"}).decode())
    desk.run(HOUR)
    assert {reason for _, reason in desk.dead} == {"malformed"}
    assert {body for body, _ in desk.dead} == {"no message of ours", '{"kind":"delivery","subscriber":"shop"}'}
    assert desk.waiting == []


@pytest.mark.parametrize(
    ("body", "done"),
    [
        (b'{"done": "none"}', "none"),
        (b'{"done": "hidden", "more": [1]}', "hidden"),
        (b"", None),
        (b"OK", None),
        (b'{"done": "burnt"}', None),
        (b"\xff\xfe", None),
        (b'{"done": "none", "reference": "' + b"x" * 200 + b'"}', None),
    ],
)
def test_the_answer_lands_in_the_words_of_the_contract_or_as_unsaid(body: bytes, done: str | None) -> None:
    desk = Desk({"shop": subscriber("shop")}, {"shop": lambda now: Reply(200, body)})
    desk.tell([notice(0)])
    desk.run(10.0)
    [row] = [row for row in desk.rows if row["state"] == "delivered"]
    assert (row["done"], row["reference"]) == (done, None)


def test_a_redirect_is_a_failure_like_any_other() -> None:
    desk = Desk({"shop": subscriber("shop")}, {"shop": lambda now: Reply(302)})
    desk.tell([notice(0)])
    desk.run(DAY + 2 * HOUR)
    assert [reason for _, reason in desk.dead] == ["http_302"]


def test_a_day_takes_fewer_receives_than_the_queue_allows() -> None:
    """The queue itself moves what it handed out a hundred times to the dead letters: the age has to come first."""
    for first, name in ((times_out, "shop"), (lambda now: Reply(500), "shop")):
        desk = Desk({name: subscriber(name)}, {name: first})
        desk.tell(notice(number) for number in range(30))
        desk.run(DAY + 2 * HOUR)
        given_up = [row["receives"] for row in desk.rows if row["state"] == "given_up"]
        assert len(given_up) == 30
        assert 20 < max(given_up) <= 60


def test_waiting_follows_the_age_and_what_the_receiver_asks_for() -> None:
    assert [wait(age, 0.0) for age in (0.0, 100.0, DAY)] == [8, 38, 3_600]
    assert [wait(0.0, 1.0, given) for given in ("60", "-1", "x", "9" * 30, "Wed, 21 Oct 2026 07:28:00 GMT")] == [
        *(60, 12, 12, 12),
        12,
    ]


outages = st.lists(st.tuples(st.floats(0, 3 * HOUR), st.floats(10, HOUR)), max_size=4)


@given(outages, st.integers(0, 6), st.integers(0, 4), st.integers(1, 40))
def test_whatever_fails_for_less_than_a_day_is_delivered_at_least_once(
    outages: list[tuple[float, float]], landing: int, sending: int, count: int
) -> None:
    def answers(now: float) -> Reply:
        return Reply(500) if any(begin <= now - START < begin + long for begin, long in outages) else works(now)

    desk = both(answers)
    desk.landing_fails, desk.sending_fails = landing, sending
    desk.tell(notice(number) for number in range(count // 2))
    desk.run(HOUR)
    desk.start()
    desk.tell(notice(number) for number in range(count // 2, count))
    desk.run(DAY)
    assert desk.ids("shop") == desk.ids("forum") == told(count)
    assert (desk.dead, desk.waiting) == ([], [])
