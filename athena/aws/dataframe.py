"""A query's answer as a DataFrame, through awswrangler."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from athena.aws.engine import failure_of
from athena.engine import QueryFailed, hint_for
from glue.aws.clients import session

if TYPE_CHECKING:
    import pandas as pd


def read_frame(
    sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str, **options: Any
) -> "pd.DataFrame":
    """The answer as a pandas DataFrame with nullable types, read from the CSV that Athena leaves in S3.

    It makes no temporary tables: a reader needs no right to create or delete in the database.

    Args:
        sql: one SELECT; ``?`` stands for a parameter, in the WHERE clause only.
        parameters: SQL literals, made by :mod:`athena.values`.
        options: anything else that ``awswrangler.athena.read_sql_query`` takes, such as ``chunksize``.

    Raises:
        EngineError: one of its subclasses.
    """
    # Imported here: it costs more than a second, and few callers want a DataFrame.
    import awswrangler as wr

    if parameters:
        options = {"params": list(parameters), "paramstyle": "qmark", **options}
    options.setdefault("boto3_session", session())
    try:
        return wr.athena.read_sql_query(
            sql, database=database, workgroup=workgroup, ctas_approach=False, unload_approach=False, **options
        )
    except wr.exceptions.QueryFailed as error:
        raise QueryFailed(str(error), hint=hint_for(str(error))) from error
    except (ClientError, BotoCoreError) as error:
        raise failure_of(error) from error
