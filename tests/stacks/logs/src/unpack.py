"""Unpacks what CloudWatch Logs hands to Firehose: gzipped JSON with a list of events."""

import base64
import gzip
import json
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"records": [transform(record) for record in event["records"]]}


def transform(record: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(gzip.decompress(base64.b64decode(record["data"])))
    if document["messageType"] == "CONTROL_MESSAGE":
        return {"recordId": record["recordId"], "result": "Dropped"}
    lines = "".join(f"{document['logGroup']} {one['message']}\n" for one in document["logEvents"])
    data = base64.b64encode(lines.encode()).decode()
    return {"recordId": record["recordId"], "result": "Ok", "data": data}
