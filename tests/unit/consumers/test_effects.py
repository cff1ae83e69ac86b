"""A destination that does not answer is left alone from one batch to the next, and what needs it waits unlanded."""

import pytest

from consumers.effects import MAX_PUT_BYTES, MAX_PUT_RECORDS, Apart, Destinations, Effects, Outages
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.resend import Retry
from consumers.rows import Pack, RowMaker
from glue.codec import Lateness
from tests.fakes.kinesis_events import NOW, kinesis_event, payload
from tests.fakes.stream import VirtualClock
from tests.fakes.world import FakeWorld, effects_on

MODERATOR = Moderator(
    Policy.load("""
id = "p"
[labels.spam]
flag = 0.5
[[terms]]
rule = "a"
label = "spam"
score = 0.5
terms = ["free money"]
""")
)
HARMLESS, TOLD, HELD = "hello", "free money", "held"


class Down:
    """A world in which one port does not answer until it is told to; one consumer keeps what it found out."""

    def __init__(self, port: str, *, every_status: bool = False) -> None:
        self.is_down = True
        self.world = FakeWorld(
            rows_fail=lambda call, item: port == "rows" and self.is_down,
            notices_fail=lambda call, item: port == "notices" and self.is_down,
            statuses_fail=lambda call, item: port == "statuses" and self.is_down,
        )
        self.clock = VirtualClock(NOW.timestamp() + 5)
        effects = Effects(
            Destinations("verdicts", "quarantine", 3600, every_status=every_status),
            streams=self.world.streams,
            bus=self.world.bus,
            statuses=self.world.table,
            clock=self.clock,
            retry=Retry(attempts=2),
        )
        self.consumer = Consumer(RowMaker(MODERATOR, Lateness(), code_version="1"), effects, clock=self.clock)

    def process(self, *texts: str) -> int | None:
        """The position from which the batch is to come again; None: it is done."""
        payloads = [
            payload(number, "hello", hold=True) if text == HELD else payload(number, text)
            for number, text in enumerate(texts)
        ]
        answer = self.consumer.process(kinesis_event(payloads), deadline=1e12).answer["batchItemFailures"]
        return int(answer[0]["itemIdentifier"]) - 1000 if answer else None

    def landed(self) -> int:
        return len(self.world.rows("verdicts"))


def test_while_rows_do_not_land_no_other_batch_is_tried_and_after_a_while_one_record_is() -> None:
    here = Down("rows")
    assert here.process(HARMLESS, TOLD) == 0
    tried = len(here.world.puts)
    assert here.process(HARMLESS, TOLD) == 0
    assert len(here.world.puts) == tried
    here.clock.time += 60
    here.is_down = False
    assert here.process(HARMLESS, TOLD, HARMLESS) == 1
    assert here.landed() == 1
    assert here.process(HARMLESS, TOLD, HARMLESS) is None


@pytest.mark.parametrize(("port", "text"), [("notices", TOLD), ("statuses", TOLD), ("statuses", HELD)])
def test_what_needs_a_destination_that_is_away_does_not_land_again_and_again_and_what_does_not_goes_on(
    port: str, text: str
) -> None:
    here = Down(port)
    assert here.process(HARMLESS, text, HARMLESS) == 1
    landed = here.landed()
    assert here.process(text, HARMLESS) == 0
    assert here.landed() == landed
    assert here.process(HARMLESS, HARMLESS) is None
    assert here.landed() == landed + 2
    assert here.process(HARMLESS, text, HARMLESS) == 1
    assert here.landed() == landed + 3
    here.clock.time += 60
    here.is_down = False
    assert here.process(text, text, HARMLESS) == 1
    assert here.process(text, HARMLESS) is None


def test_a_verdict_that_nobody_is_told_of_waits_for_no_bus_and_a_held_one_neither() -> None:
    here = Down("notices")
    assert here.process(TOLD) == 0
    assert here.process(HARMLESS, HELD) is None
    assert [one.action for one in here.world.writes] == ["allow"]


def test_a_status_is_kept_of_all_content_where_that_is_asked_for_and_waits_for_the_table() -> None:
    assert Down("nothing").process(HARMLESS) is None
    here = Down("nothing", every_status=True)
    assert here.process(HARMLESS, TOLD) is None
    assert [one.action for one in here.world.writes] == ["allow", "flag"]
    away = Down("statuses", every_status=True)
    assert away.process(HARMLESS) == 0


def test_a_part_that_gets_through_is_no_outage() -> None:
    here = Down("notices")
    failing = {0}
    here.world._notices_fail = lambda call, item: item in failing
    assert here.process(TOLD, TOLD) == 0
    calls = here.world.effects.count("notices")
    here.process(TOLD, TOLD)
    assert here.world.effects.count("notices") > calls


def put_sizes(*packs: tuple[int, int]) -> list[int]:
    """How many packs each call carried when so many of such a size land."""
    world = FakeWorld()
    effects = effects_on(world, VirtualClock(NOW.timestamp()), retry=Retry(attempts=1))
    sizes = [size for count, size in packs for _ in range(count)]
    effects.land(
        "verdicts",
        [Pack(b"0" + b" " * (size - 2) + b"\n", 1, (at,)) for at, size in enumerate(sizes)],
        Apart(),
        deadline=1e12,
    )
    assert sum(map(len, world.puts)) == len(sizes)
    return [len(put) for put in world.puts]


def test_a_call_carries_as_many_packs_as_its_limits_allow_and_not_one_more() -> None:
    assert put_sizes((MAX_PUT_RECORDS, 2)) == [500]
    assert put_sizes((MAX_PUT_RECORDS + 1, 2)) == [500, 1]
    assert put_sizes((1, MAX_PUT_BYTES - 2), (1, 2)) == [2]
    assert put_sizes((1, MAX_PUT_BYTES - 1), (1, 2)) == [1, 1]
    assert put_sizes((1, 2), (1, MAX_PUT_BYTES), (2, MAX_PUT_BYTES // 2)) == [1, 1, 2]


def test_a_destination_without_an_answer_is_left_alone_for_half_a_minute_by_default() -> None:
    outages = Outages()
    outages.bus.failed(100.0)
    assert [outages.bus.state(at) for at in (100.0, 129.9, 130.0)] == ["open", "open", "half_open"]
    assert (outages.rows.state(100.0), outages.table.state(100.0)) == ("closed", "closed")
