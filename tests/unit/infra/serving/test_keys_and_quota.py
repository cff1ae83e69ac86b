"""Keys at rest and quotas over several processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from consumers.scoring.ports import Client
from infra.serving.keys_file import KeysError, KeysFile
from infra.serving.quota import SharedQuota

AT = "2026-01-02T03:04:05+00:00"


def test_a_key_is_found_by_whoever_reads_the_file_which_does_not_hold_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "keys.json"
    key = KeysFile(path).add("web", per_minute=60, created_at=AT)
    assert KeysFile(path).find(key) == Client("web", 60, 0)
    assert KeysFile(path).find(key + "x") is None
    assert key not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_keys_that_come_and_go_are_seen_within_a_second(tmp_path: Path) -> None:
    now = [0.0]
    path = tmp_path / "keys.json"
    reader, writer = KeysFile(path, monotonic=lambda: now[0]), KeysFile(path)
    assert reader.find("x") is None
    key = writer.add("web", per_minute=0, created_at=AT)
    now[0] += 1.0
    assert reader.find(key) is not None
    writer.revoke("web")
    now[0] += 1.0
    assert reader.find(key) is None


def test_a_file_that_breaks_leaves_the_keys_that_were_read(tmp_path: Path) -> None:
    now = [0.0]
    path = tmp_path / "keys.json"
    reader = KeysFile(path, monotonic=lambda: now[0])
    key = reader.add("web", per_minute=0, created_at=AT)
    assert reader.find(key) is not None
    path.write_text("{")
    now[0] += 1.0
    assert reader.find(key) is not None
    with pytest.raises(KeysError, match="no file of keys"):
        reader.stored()


def test_names_and_keys_are_nobody_elses(tmp_path: Path) -> None:
    keys = KeysFile(tmp_path / "keys.json")
    keys.add("web", per_minute=60, created_at=AT, key="brought-along-by-clients")
    for name, key, why in (
        ("web", None, "already"),
        ("other", "brought-along-by-clients", "somebody's"),
        ("other", "short", "16 or more"),
        ("other", "with blanks in the middle", "without blanks"),
    ):
        with pytest.raises(KeysError, match=why):
            keys.add(name, per_minute=60, created_at=AT, key=key)
    with pytest.raises(KeysError, match="there are: web"):
        keys.revoke("nobody")


def test_a_number_that_is_free_again_is_used_again_and_never_shared(tmp_path: Path) -> None:
    keys = KeysFile(tmp_path / "keys.json")
    for name in "abc":
        keys.add(name, per_minute=1, created_at=AT)
    keys.revoke("b")
    keys.add("d", per_minute=1, created_at=AT)
    assert {one.name: one.number for one in keys.stored()} == {"a": 0, "c": 2, "d": 1}


def test_a_quota_is_refilled_each_minute_and_takes_all_or_nothing(tmp_path: Path) -> None:
    now = [120.0]
    quota = SharedQuota(tmp_path / "quotas", now=lambda: now[0])
    client, other, free = Client("a", 3, 0), Client("b", 3, 1), Client("c", 0, 2)
    assert [quota.take(client, 2), quota.take(client, 2), quota.take(client, 1), quota.take(client)] == [
        True,
        False,
        True,
        False,
    ]
    assert quota.take(other, 3)
    assert quota.take(free, 1_000_000)
    now[0] = 180.0
    assert quota.take(client, 3)
    quota.close()


_TAKE = """
import sys
from pathlib import Path
from consumers.scoring.ports import Client
from infra.serving.quota import SharedQuota
quota = SharedQuota(Path(sys.argv[1]), now=lambda: 60.0)
print(sum(quota.take(Client("a", 500, 7)) for _ in range(400)))
"""


def test_several_processes_share_one_quota(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _TAKE, str(tmp_path / "quotas")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(one.communicate()[0]) for one in running) == 500
