"""Adds a country to each click and hands it to Firehose."""

import base64
import json
import os
from typing import Any

import boto3
from countries import COUNTRIES  # type: ignore[import-not-found]

firehose = boto3.client("firehose")
DELIVERY_STREAM = os.environ["DELIVERY_STREAM"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    rows, failures = [], []
    for record in event["Records"]:
        click = json.loads(base64.b64decode(record["kinesis"]["data"]))
        if "page" not in click:
            failures.append({"itemIdentifier": record["kinesis"]["sequenceNumber"]})
            break
        row = {"user": click["user"], "page": click["page"], "country": COUNTRIES.get(click.get("lang"), "other")}
        rows.append({"Data": json.dumps(row).encode()})
    if rows:
        firehose.put_record_batch(DeliveryStreamName=DELIVERY_STREAM, Records=rows)
    print(f"{len(rows)} clicks enriched")
    return {"batchItemFailures": failures}
