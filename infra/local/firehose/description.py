"""A destination as DescribeDeliveryStream shows it, and what an update leaves of it."""

from collections.abc import Mapping
from typing import Any

from infra.local.firehose.config import StreamConfig
from infra.local.firehose.processing import MIB, invalid

_RENAMED = {"S3BackupUpdate": "S3BackupConfiguration"}
_S3_MEMBERS = (
    *("RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints", "CompressionFormat"),
    *("EncryptionConfiguration", "CloudWatchLoggingOptions"),
)


def describe(given: Mapping[str, Any], config: StreamConfig, *, destination_id: str) -> dict[str, Any]:
    """The ``DestinationDescription`` of a stream, with the defaults filled in.

    Args:
        given: the ``ExtendedS3DestinationConfiguration`` the stream was made with.
        config: the same, read.
    """
    shown = {key: value for key, value in given.items() if key not in ("S3BackupConfiguration",)}
    shown["BufferingHints"] = {
        "SizeInMBs": config.destination.hints.size // MIB,
        "IntervalInSeconds": int(config.destination.hints.interval),
    }
    shown["CompressionFormat"] = "GZIP" if config.destination.gzip else "UNCOMPRESSED"
    shown.setdefault("EncryptionConfiguration", {"NoEncryptionConfig": "NoEncryption"})
    shown.setdefault("CloudWatchLoggingOptions", {"Enabled": False})
    shown.setdefault("ProcessingConfiguration", {"Enabled": False, "Processors": []})
    shown.setdefault("S3BackupMode", "Disabled")
    if "S3BackupConfiguration" in given:
        shown["S3BackupDescription"] = given["S3BackupConfiguration"]
    return {
        "DestinationId": destination_id,
        "S3DestinationDescription": {key: shown[key] for key in _S3_MEMBERS if key in shown},
        "ExtendedS3DestinationDescription": shown,
    }


def merge_update(current: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration after an update: a member that is given takes the place of the old one, whole.

    Raises:
        ApiError: for an update that would switch the backup off, which Firehose does not allow.
    """
    if current.get("S3BackupMode") == "Enabled" and update.get("S3BackupMode") == "Disabled":
        raise invalid("S3BackupMode cannot be changed from Enabled to Disabled")
    changed = {_RENAMED.get(key, key): value for key, value in update.items()}
    return {**current, **changed}
