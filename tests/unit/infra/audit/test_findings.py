"""What an audit says."""

from typing import get_args

from infra.audit.findings import MEANINGS, Kind


def test_each_kind_of_finding_is_explained() -> None:
    assert set(MEANINGS) == set(get_args(Kind))
