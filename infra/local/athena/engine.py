"""Runs one query: translate, choose the objects, read, and give the rows with what was read for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.files import Meter, ObjectFiles, ObjectStore, open_objects
from infra.local.athena.lines import Pieces, make_lines_view
from infra.local.athena.scan import Schemas, make_view
from infra.local.athena.serdes import text_format
from infra.local.athena.session import Session, Sessions, told
from infra.local.athena.tables import Catalog, GlueTables, files_of, partitions_of, require_parquet
from infra.local.athena.translation import Translated, translate
from infra.local.athena.types import SqlType

_BATCH_ROWS = 10_000


@dataclass(slots=True, kw_only=True)
class Running:
    """A query while it runs: what it has read, and the way to stop it.

    Args:
        meter: counts the bytes it reads.
    """

    meter: Meter = field(default_factory=Meter)
    end: Callable[[], None] | None = None
    """Ends what works on it, while something does."""

    def cancel(self) -> None:
        """Ends it soon."""
        self.meter.cancelled = True
        end = self.end
        if end is not None:
            end()


class QueryEngine:
    """Answers queries over the objects of Glue's tables.

    Args:
        objects: S3.
        catalog: Glue.
        memory: DuckDB's memory limit for one query.
        threads: DuckDB's threads for one query.
        pieces: how much of text objects is held at once.
        sessions: where its sessions come from; its own unless given.
    """

    def __init__(
        self,
        *,
        objects: ObjectStore,
        catalog: Catalog,
        memory: str = "1GB",
        threads: int = 2,
        pieces: Pieces | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self._sessions = sessions or Sessions()
        self._pieces = pieces or Pieces()
        self.objects = objects
        self.catalog = catalog
        self.tables = GlueTables(catalog)
        self.memory = memory
        self._threads = threads
        self._schemas = Schemas()

    def translate(self, sql: str, *, database: str, now: float, parameters: Sequence[str] = ()) -> Translated:
        """The query in DuckDB's dialect.

        Raises:
            QueryError: as Athena would fail.
        """
        done = translate(sql, tables=self.tables, database=database, now=now, parameters=parameters)
        for column in done.columns:
            if _has_unknown_zone(column.type):
                raise refused(
                    f"column {column.shown}, a timestamp with time zone whose zone comes from the data",
                    advice="name the zone: at_timezone(x, 'UTC')",
                )
        return done

    def rows(self, query: Translated, running: Running, *, now: float) -> Iterator[list[tuple[Any, ...]]]:
        """The rows in batches.

        Args:
            query: what ``translate`` gave.
            running: how it can be watched and stopped.
            now: epoch seconds, for projected partitions.

        Raises:
            QueryError: as Athena would fail.
        """

        def batches(session: Session) -> Iterator[list[tuple[Any, ...]]]:
            cursor = session.run(query.sql)
            while batch := cursor.fetchmany(_BATCH_ROWS):
                yield batch

        return self._with_session(query, running, now, batches)

    def table(self, query: Translated, running: Running, *, now: float) -> Any:
        """The rows as one Arrow table with columns ``c0``, ``c1`` …; rows inside rows have Trino's field names."""

        def whole(session: Session) -> Iterator[Any]:
            items = ", ".join(
                f"{_named(f'q.c{index}', column.type)} AS c{index}" for index, column in enumerate(query.columns)
            )
            yield session.arrow(f"SELECT {items} FROM ({query.sql}) q")

        [table] = self._with_session(query, running, now, whole)
        return table

    def _with_session(
        self, query: Translated, running: Running, now: float, work: Callable[[Session], Iterator[Any]]
    ) -> Iterator[Any]:
        session = self._sessions.take(memory=self.memory, threads=self._threads)
        running.end = session.connection.interrupt
        is_sound = False
        try:
            files = open_objects(self.objects, running.meter)
            session.lock(files)
            self._open(session, files, query, running, now)
            yield from work(session)
            session.check()
            is_sound = True
        except duckdb.Error as error:
            raise session.refusals[0] if session.refusals else told(error) from error
        finally:
            running.end = None
            # Who cancels it sets the mark first: an interruption cannot come later, to the next query.
            if is_sound and not running.meter.cancelled:
                self._sessions.give_back(session)
            else:
                session.close()

    def _open(self, session: Session, files: ObjectFiles, query: Translated, running: Running, now: float) -> None:
        for scan in query.scans:
            table = self.catalog.get_table(scan.table.database, scan.table.name)
            form = text_format(table)
            if form is None:
                require_parquet(table)
            partitions = partitions_of(self.catalog, table, scan, session, now)
            found = files_of(self.objects, partitions)
            if form is not None:
                make_lines_view(scan, form, partitions, found, files, session, self._pieces)
            else:
                make_view(scan, partitions, found, files, self._schemas, session)
            if running.meter.cancelled:
                raise QueryError("USER_CANCELED", "Query was canceled")


def _has_unknown_zone(kind: SqlType) -> bool:
    if kind.kind == "timestamp with time zone":
        return kind.zone is None
    return any(_has_unknown_zone(item) for item in kind.items)


def _named(sql: str, kind: SqlType) -> str:
    """A value whose rows have their own field names, as files do."""
    if not _has_row(kind):
        return sql
    if kind.kind == "array":
        return f"list_transform({sql}, lambda x: {_named('x', kind.items[0])})"
    if kind.kind == "map":
        values = f"list_transform(map_values({sql}), lambda x: {_named('x', kind.items[1])})"
        return f"(CASE WHEN {sql} IS NOT NULL THEN map(map_keys({sql}), {values}) END)"
    fields = ", ".join(
        f'"{name or f"field{index}"}" := {_named(f"({sql}).f{index}", item)}'
        for index, (name, item) in enumerate(zip(kind.names, kind.items, strict=True))
    )
    return f"(CASE WHEN {sql} IS NOT NULL THEN struct_pack({fields}) END)"


def _has_row(kind: SqlType) -> bool:
    return kind.kind == "row" or any(_has_row(item) for item in kind.items)
