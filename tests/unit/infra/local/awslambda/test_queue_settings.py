"""What a mapping of a queue may be told of its concurrency."""

import pytest

from infra.local.awslambda.queues import QueueSettings
from infra.local.awslambda.queues_api import _apply
from infra.local.errors import ApiError

SETTINGS = QueueSettings(uuid="u", function_arn="f", queue_arn="q")


def test_the_most_concurrency_is_kept_and_bounds_the_workers_of_this_machine() -> None:
    found = _apply(SETTINGS, {"ScalingConfig": {"MaximumConcurrency": 2}})
    assert (found.max_concurrency, found.workers) == (2, 2)
    assert _apply(found, {"ScalingConfig": {}}).max_concurrency is None
    assert SETTINGS.workers == _apply(SETTINGS, {"ScalingConfig": {"MaximumConcurrency": 1000}}).workers


@pytest.mark.parametrize("most", [1, 1001, True, "5", 2.5])
def test_a_concurrency_that_lambda_does_not_take_is_refused(most: object) -> None:
    with pytest.raises(ApiError, match="2 to 1000"):
        _apply(SETTINGS, {"ScalingConfig": {"MaximumConcurrency": most}})
