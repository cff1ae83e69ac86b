"""Seeded ways to tamper with a lake behind the pipeline's back, each of which an audit has to name."""

import gzip
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from glue.catalog.tables import QUARANTINE, VERDICTS, Table
from tests.fakes.audited_lake import AuditedLake, schema_of

Tamper = Callable[[AuditedLake, random.Random], str]
"""Does it, and says what it has done."""


def _an_object(lake: AuditedLake, chance: random.Random, prefix: str) -> str:
    return chance.choice(lake.keys(prefix))


def _table(chance: random.Random) -> Table:
    return chance.choice((VERDICTS, VERDICTS, QUARANTINE))


def delete_row(lake: AuditedLake, chance: random.Random) -> str:
    """A row is gone."""
    table = _table(chance)
    key = _an_object(lake, chance, table.prefix)
    rows = lake.rows(key)
    gone = rows.pop(chance.randrange(len(rows)))
    lake.put_rows(table, key, rows)
    return f"row {gone[table.key]} of {key} deleted"


def double_row(lake: AuditedLake, chance: random.Random) -> str:
    """A row is there twice, in its object or in a new one."""
    table = _table(chance)
    key = _an_object(lake, chance, table.prefix)
    rows = lake.rows(key)
    again = chance.choice(rows)
    if chance.random() < 0.5:
        lake.put_rows(table, key, [*rows, again])
    else:
        lake.put_rows(table, f"{key}.more", [again])
    return f"row {again[table.key]} of {key} doubled"


def alter_row(lake: AuditedLake, chance: random.Random) -> str:
    """One column of one row says something else."""
    table = _table(chance)
    key = _an_object(lake, chance, table.prefix)
    rows = lake.rows(key)
    row = chance.choice(rows)
    name = chance.choice(schema_of(table).names)
    row[name] = _another(row[name], chance)
    lake.put_rows(table, key, rows)
    return f"{name} of a row of {key} altered"


def make_up_row(lake: AuditedLake, chance: random.Random) -> str:
    """A verdict for an event that never was."""
    key = _an_object(lake, chance, "verdicts/")
    row = dict(chance.choice(lake.rows(key)))
    row["event_id"] = _another_id(row["event_id"], chance)
    lake.put_rows(VERDICTS, f"{key}.more", [row])
    return f"verdict on {row['event_id']} made up"


def delete_object(lake: AuditedLake, chance: random.Random) -> str:
    """An object is gone."""
    key = _an_object(lake, chance, chance.choice(("archive/", "verdicts/", "quarantine/")))
    del lake.store.stored["lake", key]
    return f"{key} deleted"


def double_object(lake: AuditedLake, chance: random.Random) -> str:
    """An object is there twice."""
    key = _an_object(lake, chance, chance.choice(("archive/", "verdicts/", "quarantine/")))
    copy = f"{key[:-3]}-again.gz" if key.endswith(".gz") else f"{key}.again"
    lake.store.stored["lake", copy] = lake.store.stored["lake", key]
    return f"{key} doubled"


def damage_object(lake: AuditedLake, chance: random.Random) -> str:
    """An object has other bytes, fewer, or none."""
    key = _an_object(lake, chance, chance.choice(("archive/", "verdicts/", "quarantine/")))
    body = bytearray(lake.store.stored["lake", key])
    what = chance.randrange(3)
    if what == 0:
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    else:
        body = body[: chance.randrange(len(body))] if what == 1 else bytearray()
    lake.store.stored["lake", key] = bytes(body)
    return f"{key} {('with another bit', 'cut short', 'emptied')[what]}"


def edit_archive(lake: AuditedLake, chance: random.Random) -> str:
    """A line of the archive is gone, doubled, or has another byte."""
    key = _an_object(lake, chance, "archive/")
    lines = gzip.decompress(lake.lake.read(key)).split(b"\n")[:-1]
    at = chance.randrange(len(lines))
    what = chance.choice(("deleted", "doubled", "altered"))
    if what == "deleted":
        del lines[at]
    elif what == "doubled":
        lines.insert(at, lines[at])
    else:
        line = bytearray(lines[at] or b"x")
        line[chance.randrange(len(line))] ^= 1
        lines[at] = bytes(line)
    lake.lake.write(key, gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0))
    return f"line {at} of {key} {what}"


def move_row(lake: AuditedLake, chance: random.Random) -> str:
    """A verdict lies in another day's partition."""
    key = _an_object(lake, chance, "verdicts/")
    rows = lake.rows(key)
    moved = rows.pop(chance.randrange(len(rows)))
    lake.put_rows(VERDICTS, key, rows)
    lake.put_rows(VERDICTS, "verdicts/dt=2026-01-02/part-9.parquet", [moved])
    return f"verdict on {moved['event_id']} moved to another day"


def delete_letter(lake: AuditedLake, chance: random.Random) -> str:
    """A dead letter is gone, or is none any more."""
    [key] = [key for bucket, key in lake.store.stored if bucket == "letters"]
    if chance.random() < 0.5:
        del lake.store.stored["letters", key]
    else:
        lake.store.stored["letters", key] = b"{}"
    return "dead letter taken away"


TAMPERS: tuple[Tamper, ...] = (
    delete_row,
    double_row,
    alter_row,
    alter_row,
    make_up_row,
    delete_object,
    double_object,
    damage_object,
    edit_archive,
    move_row,
    delete_letter,
)


def _another(value: Any, chance: random.Random) -> Any:
    if value is None:
        return "made up"
    if isinstance(value, bool | int):
        return int(value) + chance.choice((-1, 1, 1000))
    if isinstance(value, float):
        return round(value + chance.choice((0.25, -0.25)), 3)
    if isinstance(value, datetime):
        return value + timedelta(seconds=chance.choice((-86_400, -3600, 3600, 86_400)))
    if isinstance(value, list):
        return value[1:] if value else _of_a_list(chance)
    if isinstance(value, str) and len(value) == 36:
        return _another_id(value, chance)
    return f"{value}x" if chance.random() < 0.5 else (value[1:] or "y")


def _of_a_list(chance: random.Random) -> list[Any]:
    return chance.choice([[None], []]) or [None]


def _another_id(value: str, chance: random.Random) -> str:
    return f"{chance.getrandbits(32):08x}{value[8:]}"
