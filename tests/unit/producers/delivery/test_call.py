"""What became of the records of one call."""

import pytest

from producers.delivery.call import Answer


@pytest.mark.parametrize(
    ("throttled", "left", "is_throttled", "turned_away"),
    [
        ([], [0, 1, 2], True, 3),
        ([(0, "shardId-000000000000")], [1, 2], False, 1),
        ([(0, "shardId-000000000000")], [1, 2], True, 3),
        ([], [0, 1], False, 0),
    ],
)
def test_records_met_a_throttle_by_themselves_or_with_the_whole_call(
    throttled: list[tuple[int, str | None]], left: list[int], is_throttled: bool, turned_away: int
) -> None:
    answer = Answer([], throttled, left, "ProvisionedThroughputExceededException", is_throttled, 0.1)
    assert answer.turned_away == turned_away
