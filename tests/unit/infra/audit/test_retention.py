"""How long an object can be counted on."""

from datetime import timedelta

import pytest

from infra.audit.retention import Retention
from tests.fakes.audited_lake import NOW


def test_quarantine_that_has_reached_its_end_is_not_called_gone_and_the_archive_beside_it_is() -> None:
    retention = Retention(quarantine_days=15)
    written = (NOW - timedelta(days=20)).timestamp()
    assert retention.may_be_gone("quarantine/dt=2026-10-31/a.parquet", written, NOW)
    assert not retention.may_be_gone("archive/dt=2026-10-31/a.gz", written, NOW)


@pytest.mark.parametrize(
    ("prefix", "days"), [("archive", 400), ("verdicts", 730), ("quarantine", 90), ("errors", 90), ("deliveries", 90)]
)
def test_an_object_may_be_gone_from_the_day_before_its_time_is_up(prefix: str, days: int) -> None:
    end = (NOW - timedelta(days=days - 1)).timestamp()
    assert [Retention().may_be_gone(f"{prefix}/a", end + moved, NOW) for moved in (-1, 0)] == [True, False]
