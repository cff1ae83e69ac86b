"""Glue's statistics of columns, which moto does not have: they are kept with their table or partition.

Trino and Spark ask for them before they plan, and write them after they have written. Nothing here computes any.

Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetColumnStatisticsForTable.html
"""

from typing import Any

_KEPT = "column_statistics"
"""The attribute of moto's table or partition."""


def answer_for_column_statistics() -> None:
    """Lets Glue take, give and delete the statistics of a table's and a partition's columns."""
    from moto.glue.responses import GlueResponse

    for place in ("table", "partition"):
        for name, answer in (("get", _get), ("update", _update), ("delete", _delete)):
            setattr(GlueResponse, f"{name}_column_statistics_for_{place}", answer)


def _get(response: Any) -> Any:
    kept = _kept(response)
    wanted = response.parameters.get("ColumnNames") or []
    unknown = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Statistics do not exist for this column."}
    return _result(
        ColumnStatisticsList=[kept[name] for name in wanted if name in kept],
        Errors=[{"ColumnName": name, "Error": unknown} for name in wanted if name not in kept],
    )


def _update(response: Any) -> Any:
    for one in response.parameters.get("ColumnStatisticsList") or []:
        _kept(response)[one["ColumnName"]] = one
    return _result(Errors=[])


def _delete(response: Any) -> Any:
    from moto.glue.exceptions import EntityNotFoundException

    if _kept(response).pop(response.parameters.get("ColumnName"), None) is None:
        raise EntityNotFoundException("Statistics do not exist for this column.")
    return _result()


def _kept(response: Any) -> dict[str, Any]:
    """The statistics of the table or partition that a call names, by column."""
    given = response.parameters
    where = response.glue_backend.get_table(given.get("DatabaseName"), given.get("TableName"))
    if "PartitionValues" in given:
        where = where.get_partition(given["PartitionValues"])
    found: dict[str, Any] = vars(where).setdefault(_KEPT, {})
    return found


def _result(**members: Any) -> Any:
    from moto.core.responses import ActionResult

    return ActionResult(members)
