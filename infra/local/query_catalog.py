"""The twin's Glue catalog with what queries write into it: views, and tables of CREATE TABLE AS."""

from typing import Any

from infra.local.beneath import Beneath
from infra.local.stores import GlueCatalog


class QueryCatalog(GlueCatalog):
    """Glue as Athena uses it.

    Args:
        beneath: whose Glue backend it is.

    Raises (every method):
        ApiError: ``EntityNotFoundException``.
    """

    def __init__(self, beneath: Beneath) -> None:
        super().__init__(beneath)

    def create_database(self, name: str) -> None:
        """Makes a database."""
        with self._lock:
            self._backend.create_database(name, {"Name": name})

    def delete_database(self, name: str) -> None:
        """Removes a database."""
        with self._lock:
            self._database(name)
            self._backend.delete_database(name)

    def create_table(self, database: str, table: dict[str, Any]) -> None:
        """Makes a table from a Glue ``TableInput``."""
        with self._lock:
            self._database(database)
            self._backend.create_table(database, table["Name"], table)

    def update_table(self, database: str, table: dict[str, Any]) -> None:
        """Replaces a table by a Glue ``TableInput``."""
        self.get_table(database, table["Name"])
        with self._lock:
            self._backend.update_table(database, table["Name"], table)

    def delete_table(self, database: str, name: str) -> None:
        """Removes a table; its objects stay."""
        self.get_table(database, name)
        with self._lock:
            self._backend.delete_table(database, name)
