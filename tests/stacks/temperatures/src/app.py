"""Keeps sums in a tumbling window's state, and writes the averages when it ends."""

import base64
import json
import os
from decimal import Decimal
from typing import Any

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
sns = boto3.client("sns")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    state = event["state"]
    for record in event["Records"]:
        reading = json.loads(base64.b64decode(record["kinesis"]["data"]))
        count, total = state.get(reading["device"], (0, 0.0))
        state[reading["device"]] = (count + 1, total + reading["celsius"])
    if event["isFinalInvokeForWindow"]:
        for device, (count, total) in state.items():
            average = Decimal(str(round(total / count, 1)))
            table.put_item(Item={"device": device, "average": average, "readings": count})
            if average > int(os.environ["TOO_HOT"]):
                sns.publish(TopicArn=os.environ["TOPIC"], Message=device)
    return {"state": state}
