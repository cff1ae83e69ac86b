"""What a record is called: never by a piece of its content."""

import pytest

from infra.audit.identity import line_id, record_id

ID = "0190b9c2-aaaa-7000-8000-000000000001"


@pytest.mark.parametrize(
    "data",
    [
        b'{"event_id":"hello"}',
        b'{"event_id":"0190b9c2-aaaa-7000-8000-00000000000"}',
        b'{"event_id":"0190b9c2-aaaa-7000-8000-000000000001 and more"}',
        b'{"event_id":"0190B9C2-AAAA-7000-8000-000000000001"}',
        b'{"event_id":1}',
        b'["0190b9c2-aaaa-7000-8000-000000000001"]',
        b"{" * 100_000,
    ],
)
def test_what_names_no_event_is_called_by_its_hash(data: bytes) -> None:
    assert record_id(data).startswith("md5:")


def test_a_line_is_called_by_its_event_whatever_stands_behind_the_mark() -> None:
    line = b'{"event_id":"%s"}' % ID.encode()
    assert line_id(line) == line_id(line + b"\x01shard\x01" + b"{") == ID
