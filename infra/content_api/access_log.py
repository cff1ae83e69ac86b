"""What is kept of each request: a line of JSON that Firehose lands in a table. No content, no path, no address, no key.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""

import json
from typing import NamedTuple


class Column(NamedTuple):
    """A column of the table.

    Args:
        name, type, comment: in the table.
        variable: of ``$context``.
    """

    name: str
    type: str
    variable: str
    comment: str


COLUMNS = (
    Column("request_id", "string", "requestId", "the gateway's id of the request"),
    Column("requested_at_ms", "bigint", "requestTimeEpoch", "when it came, in milliseconds since 1970"),
    Column("method", "string", "httpMethod", "of HTTP"),
    Column("route", "string", "resourcePath", "which route; never the path itself, which holds ids"),
    Column("status", "int", "status", "of the answer"),
    Column("bytes", "bigint", "responseLength", "of the answer's body"),
    Column("milliseconds", "bigint", "responseLatency", "from request to answer"),
    Column("key_id", "string", "identity.apiKeyId", "which key asked, by its id; a hyphen where there is none"),
    Column("refused", "string", "error.responseType", "why the gateway itself refused; a hyphen where it did not"),
)


def format_text() -> str:
    """The format of a line, as the stage has it.

    >>> format_text()[:46]
    '{"request_id":"$context.requestId","requested_'
    """
    return "{" + ",".join(f"{json.dumps(one.name)}:{_value(one)}" for one in COLUMNS) + "}"


def _value(column: Column) -> str:
    variable = f"$context.{column.variable}"
    return variable if column.type in ("int", "bigint") else f'"{variable}"'


def format_lines(indent: int) -> str:
    """The format as a line of the template."""
    return f"{' ' * indent}Format: '{format_text()}'\n"


def column_lines(indent: int) -> str:
    """The columns as lines of the template."""
    pad = " " * indent
    return "".join(f'{pad}- {{ Name: {one.name}, Type: "{one.type}", Comment: "{one.comment}" }}\n' for one in COLUMNS)
