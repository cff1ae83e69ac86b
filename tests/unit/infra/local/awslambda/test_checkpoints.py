"""How far mappings have come, over restarts."""

from pathlib import Path

from infra.local.awslambda.checkpoints import Checkpoints
from infra.local.durable.store import Store

FIRST = "shardId-000000000000"


def test_checkpoints_are_kept_by_key_and_forgotten_by_key(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = Checkpoints(store)
    assert kept.get("a") is None
    kept.keep("a", {FIRST: 2**185})
    kept.keep("b", {FIRST: 1})
    store.settle()
    assert Checkpoints(store).get("a") == {FIRST: 2**185}
    kept.forget("a")
    store.settle()
    assert Checkpoints(store).get("a") is None
    assert Checkpoints(store).get("b") == {FIRST: 1}
    store.close()
