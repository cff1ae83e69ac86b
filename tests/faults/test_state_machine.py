"""Anything may happen in any order: events, failures, splits, merges, crashes, jumps, new policies, long waits."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.faults.account import NOTHING_WRONG, account
from tests.faults.pipeline import Pipeline
from tests.faults.scenario import MODERATOR, OTHER_MODERATOR, RUNS, aggregates, events, produce
from tests.faults.trouble import KINDS, Fault, Trouble


class Way(RuleBasedStateMachine):
    """The way of a record, from delivery to objects."""

    def __init__(self) -> None:
        super().__init__()
        self.pipeline = Pipeline(MODERATOR, Trouble(), max_retries=8)
        self.sent: dict[str, bytes] = {}
        self.accepted: set[str] = set()

    @rule(count=st.integers(1, 25), aggregate=st.booleans())
    def events_come(self, count: int, aggregate: bool) -> None:
        made = events(count, first=len(self.sent))
        self.sent |= {one.event_id: one.data for one in made}
        report = produce(self.pipeline, aggregates(made) if aggregate else made)
        self.accepted |= set(report.accepted_ids)

    @rule(data=st.data(), port=st.sampled_from(list(KINDS)), after=st.integers(0, 3), times=st.integers(1, 12))
    def calls_will_fail(self, data: st.DataObject, port: str, after: int, times: int) -> None:
        trouble = self.pipeline.trouble
        kind = data.draw(st.sampled_from(KINDS[port]))  # type: ignore[index]
        trouble.faults.append(Fault(port, kind, trouble.calls[port] + after, times))  # type: ignore[arg-type]

    @rule(seconds=st.sampled_from([0.0, 1.0, 61.0, 900.0]))
    def time_passes(self, seconds: float) -> None:
        self.pipeline.run(seconds)

    @rule()
    def a_shard_splits(self) -> None:
        self.pipeline.split()

    @rule()
    def shards_merge(self) -> None:
        self.pipeline.merge()

    @rule(seconds=st.floats(-7_200, 7_200, allow_nan=False))
    def the_functions_clock_jumps(self, seconds: float) -> None:
        self.pipeline.consumer_skew = seconds

    @precondition(lambda self: self.pipeline.moderator is MODERATOR)
    @rule()
    def a_policy_is_published(self) -> None:
        self.pipeline.moderator = OTHER_MODERATOR

    def teardown(self) -> None:
        self.pipeline.trouble.faults.clear()
        self.pipeline.settle()
        found = account(self.pipeline, self.accepted, self.sent)
        RUNS.append(((), found))
        assert found == NOTHING_WRONG


TestWay = Way.TestCase
TestWay.settings = settings(
    max_examples=200, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
