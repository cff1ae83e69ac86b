"""Every call fails once, at every index: wholly, in part, or with its answer lost. Then several fail together."""

import random

import pytest

from tests.faults.account import NOTHING_WRONG
from tests.faults.pipeline import Pipeline
from tests.faults.scenario import OTHER_MODERATOR, run
from tests.faults.trouble import KINDS, Fault, Kind, Port

EACH = [(port, kind) for port, kinds in KINDS.items() for kind in kinds if port != "OnFailure"]
SEEDS = 6


@pytest.mark.parametrize(("port", "kind"), EACH)
@pytest.mark.parametrize("aggregate", [False, True], ids=["plain", "aggregate"])
def test_one_call_that_fails_loses_doubles_and_leaks_nothing(port: Port, kind: Kind, aggregate: bool) -> None:
    for seed in range(SEEDS):
        clean, trouble = run(aggregate=aggregate, seed=seed)
        assert clean == NOTHING_WRONG
        calls = trouble.calls[port]
        assert calls > 1, "a port that is hardly called proves nothing"
        for at in range(calls):
            found, met = run(Fault(port, kind, at), aggregate=aggregate, seed=seed)
            assert found == NOTHING_WRONG, (port, kind, at, seed)
            assert len(met.met) == 1


@pytest.mark.parametrize("seed", range(300))
def test_several_calls_that_fail_together_lose_double_and_leak_nothing(seed: int) -> None:
    chance = random.Random(seed)
    faults = [
        Fault(port, chance.choice(KINDS[port]), chance.randrange(20), chance.randint(1, 4))
        for port in chance.choices(list(KINDS), k=chance.randint(2, 6))
    ]
    found, _ = run(*faults, aggregate=bool(seed % 2), seed=seed)
    assert found == NOTHING_WRONG, faults


@pytest.mark.parametrize("seed", range(20))
def test_an_outage_longer_than_the_retries_ends_in_dead_letters_and_is_accounted_for(seed: int) -> None:
    found, trouble = run(
        Fault("PutRecordBatch", "whole", 2 + seed % 7, 80), Fault("OnFailure", "whole", 0), seed=seed, max_retries=3
    )
    assert found == NOTHING_WRONG
    assert any(fault.port == "OnFailure" for fault in trouble.met)


@pytest.mark.parametrize("aggregate", [False, True], ids=["plain", "aggregate"])
@pytest.mark.parametrize("seed", range(25))
def test_shards_that_split_and_merge_while_events_come_lose_nothing(seed: int, aggregate: bool) -> None:
    chance = random.Random(seed)

    def reshard(pipeline: Pipeline, number: int) -> None:
        if chance.random() < 0.5:
            chance.choice([pipeline.split, pipeline.merge])()

    found, _ = run(
        Fault("PutRecords", "part", chance.randrange(4)),
        Fault("PutRecords", "lost", chance.randrange(4)),
        aggregate=aggregate,
        seed=seed,
        on_call=reshard,
    )
    assert found == NOTHING_WRONG


@pytest.mark.parametrize("jump", [-7_200.0, -90.0, 90.0, 7_200.0])
@pytest.mark.parametrize("seed", range(10))
def test_a_function_whose_clock_jumps_loses_nothing(seed: int, jump: float) -> None:
    def skew(pipeline: Pipeline) -> None:
        pipeline.consumer_skew += jump

    chance = random.Random(seed)
    fault = Fault("PutRecordBatch", "lost", chance.randrange(12), 3)
    found, _ = run(fault, seed=seed, between=[skew, skew])
    assert found == NOTHING_WRONG


@pytest.mark.parametrize("seed", range(25))
def test_a_policy_that_changes_in_the_middle_loses_nothing(seed: int) -> None:
    def publish(pipeline: Pipeline) -> None:
        pipeline.moderator = OTHER_MODERATOR

    chance = random.Random(seed)
    port = chance.choice(list(KINDS))
    fault = Fault(port, KINDS[port][0], chance.randrange(12), 2)
    found, _ = run(fault, seed=seed, between=[publish])
    assert found == NOTHING_WRONG
