"""kill -9 of the laptop runtime while it is written to: what it has answered for is there afterwards, once."""

from pathlib import Path

import pytest

from benchmarks.runtime_kills import kill_runtime


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_answered_for_survives_kills_of_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, "")  # set for each runtime in turn, and put back at the end
    kept = kill_runtime(
        tmp_path / "data",
        rounds=3,
        seed=seed,
        parameters={"ShardCount": "2"},
        most_seconds=3.0,
        on_round=lambda number, accepted: None,
    )
    assert (kept.lost, kept.doubled, kept.missing, kept.is_drained) == (0, 0, 0, True), str(kept)
    assert kept.accepted
    assert kept.objects
    assert kept.statuses
