"""A thousand ways to tamper with a lake, and an audit names every one of them."""

import random

import pytest

from tests.fakes.audited_lake import AuditedLake
from tests.fakes.tampering import TAMPERS


def undetected(cases: int, *, seed: int) -> list[str]:
    """What an audit says nothing of, of so many cases, each done to the same clean lake."""
    chance = random.Random(seed)
    lake = AuditedLake(80)
    assert lake.audit(keep=True, audit_id="before").findings == ()
    clean = lake.state()
    missed = []
    for number in range(cases):
        tamper = TAMPERS[number % len(TAMPERS)]
        done = tamper(lake, chance)
        if lake.state() != clean and not lake.audit(audit_id=f"case{number}").findings:
            missed.append(f"{tamper.__name__} {number}: {done}")
        lake.restore(clean)
    return missed


def test_tampering_is_named() -> None:
    assert undetected(4 * len(TAMPERS), seed=7) == []


@pytest.mark.heavy
@pytest.mark.timeout(7200)
def test_tampering_is_named_in_a_thousand_cases() -> None:
    assert undetected(1000, seed=1) == []
