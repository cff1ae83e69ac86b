"""Rows out of plain-text chat logs, as IRC clients and bots write them: one line, one message.

Lines are ``[12:18] <nick> text``, also with a date or seconds, without brackets, or with tabs between; ``* nick text``
is an action. Joins, notices and the like are rows of the type ``system``. The day comes from the line, from the lines
with which a log opens or changes its day, or from the file's name; a time half a day or more before the last one is of
the next day.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from glue.readers.rejection import Rejection
from glue.readers.rows import MAX_LINE_BYTES, Row, lines, too_long

_STAMP = re.compile(
    r"\[?(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:?\d\d)?\]?[ \t]?", re.ASCII
)
_SAID = re.compile(r" ?<[ @+%~&!]?([^<>\s]{1,128}) {0,16}> ?(.*)", re.DOTALL)
_DID = re.compile(r" {0,16}\* ([^\s*]{1,128})(?: (.*))?", re.DOTALL)
_TABBED = re.compile(r"[@+%~&! ]?([^\s<>]{1,128})\t(.*)", re.DOTALL)
_TABBED_ACTION = re.compile(r" ?\*\t(\S{1,128}) (.*)", re.DOTALL)
# The marks of irssi, WeeChat, The Lounge and the Ubuntu bots before what is no message.
_SYSTEM = re.compile(r"\s*(?:===|==|-!-|\*\*\*|---|--[ >\t]|-->|<--|=!=|! )")
_NEW_DAY = re.compile(
    r"--- (?:Log opened|Day changed) \w{3} (\w{3}) {1,2}(\d{1,2})(?: \d\d:\d\d:\d\d)? (\d{4})", re.ASCII
)
_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d\d)\2(\d\d)(?!\d)", re.ASCII)
_CHANNEL_IN_NAME = re.compile(r"#[A-Za-z0-9_+-]{1,64}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HALF_A_DAY = 12 * 60


def read_chat(chunks: Iterable[bytes], *, name: str = "") -> Iterator[Row]:
    """A row for each line that is not blank: ``type`` (message, action, system), ``user``, ``text``, ``ts``.

    ``ts`` is without zone, as most logs are; where no day is known there is a ``clock`` instead. ``channel`` is there
    when the file's name has one.

    Args:
        chunks: the log's bytes.
        name: the file's name, for the day and the channel.

    >>> rows = read_chat([b"[12:18] <ann> hi\\n[12:19] * bob waves\\n"], name="2004-11-15.#ubuntu.txt")
    >>> next(rows).cells == {
    ...     "type": "message", "user": "ann", "text": "hi", "ts": "2004-11-15T12:18:00", "channel": "#ubuntu"}
    True
    >>> next(rows).cells["type"]
    'action'
    """
    day = day_in(name)
    last = 0
    channel = found[0] if (found := _CHANNEL_IN_NAME.search(name)) else None
    for number, (line, size) in enumerate(lines(chunks), start=1):
        raw = line.rstrip(b"\r\n")
        if size > MAX_LINE_BYTES:
            yield Row(number, {}, raw, too_long(size), is_cut=True)
            continue
        try:
            text = raw.decode()
        except UnicodeDecodeError as broken:
            detail = f"not UTF-8 at byte {broken.start} of the line; allowed: UTF-8"
            yield Row(number, {}, raw, Rejection("encoding", detail))
            continue
        if not text.strip():
            continue
        if (new_day := _new_day(text)) is not None:
            day, last = new_day, 0
        stamp = _STAMP.match(text)
        cells = _message(text[stamp.end() :] if stamp else text, dated=stamp is not None)
        if cells is None:
            yield Row(number, {}, raw, Rejection("chat_line", "no line of a chat log; allowed: [12:18] <nick> text"))
            continue
        if stamp is not None:
            given, clock, zone = stamp.groups()
            minutes = int(clock[:2]) * 60 + int(clock[3:5])
            if given is not None:
                day = _day(given[:4], given[5:7], given[8:]) or day
            elif day is not None and last - minutes >= _HALF_A_DAY:
                day += timedelta(days=1)
            last = minutes
            if given is None and day is None:
                cells["clock"] = clock
            else:
                full = clock if clock.count(":") == 2 else f"{clock}:00"
                cells["ts"] = f"{given or day}T{full}{zone or ''}"
        if channel is not None:
            cells["channel"] = channel
        yield Row(number, cells, raw)


def day_in(name: str) -> date | None:
    """The day in a file's name, None when there is none.

    >>> day_in("2004-11-15.txt"), day_in("chat-20041115.log"), day_in("chat.log")
    (datetime.date(2004, 11, 15), datetime.date(2004, 11, 15), None)
    """
    found = _DAY_IN_NAME.search(name)
    return None if found is None else _day(found[1], found[3], found[4])


def _message(text: str, *, dated: bool) -> dict[str, object] | None:
    if (said := _SAID.fullmatch(text)) is not None:
        return {"type": "message", "user": said[1], "text": said[2]}
    if _SYSTEM.match(text) is not None:
        return {"type": "system", "text": text.strip()}
    if dated:
        for kind, form in (("action", _TABBED_ACTION), ("action", _DID), ("message", _TABBED)):
            if (found := form.fullmatch(text)) is not None:
                return {"type": kind, "user": found[1], "text": found[2] or ""}
    return None


def _new_day(text: str) -> date | None:
    found = _NEW_DAY.match(text)
    if found is None or found[1] not in _MONTHS:
        return None
    return _day(found[3], str(_MONTHS.index(found[1]) + 1), found[2])


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return datetime(int(year), int(month), int(day)).date()  # noqa: DTZ001 - a day has no zone
    except ValueError:
        return None
