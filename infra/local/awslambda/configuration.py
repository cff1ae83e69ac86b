"""A function's configuration: what a request may ask for, and how Lambda shows it."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from infra.local.awslambda.functions import Function, FunctionSettings
from infra.local.awslambda.packages import Package, Packages
from infra.local.awslambda.refusals import refused
from infra.local.errors import ApiError

CHECKOUT: Final = "this-checkout"
"""The bucket that stands for what the runtime itself can import: the code of the project's own functions."""
_SETTINGS: Final = {
    "Handler": "handler",
    "Role": "role",
    "Timeout": "timeout_seconds",
    "MemorySize": "memory_mb",
    "Runtime": "runtime",
    "Description": "description",
}
_KNOWN: Final = {
    *_SETTINGS,
    *("Architectures", "Code", "Environment", "FunctionName", "Layers", "LoggingConfig", "PackageType", "RevisionId"),
    *("Tags", "TracingConfig"),
}
WITHOUT_EFFECT: Final = {
    "EphemeralStorage": "a laptop's /tmp is as large as its disk",
    "KMSKeyArn": "environment variables are not encrypted in this process",
    "SnapStart": "a process starts in a moment here",
    "RuntimeManagementConfig": "there is one interpreter: the one that the runtime runs on",
}
"""Members of a request that change nothing on a laptop, each with the reason."""
_LEAST: Final = {"Timeout": (1, 900), "MemorySize": (128, 10_240)}

Fetch = Callable[[str, str], bytes]
"""Gives an object's bytes by bucket and key; ApiError when there is none."""
Layer = Callable[[str], Package]
"""Gives a layer version's package by its ARN; ApiError when there is none."""


class Code:
    """Where a function's code comes from.

    Args:
        packages: unpacks archives.
        fetch: reads objects of S3.
    """

    def __init__(self, packages: Packages, fetch: Fetch) -> None:
        self._packages = packages
        self._fetch = fetch

    def package(self, code: object) -> Package | None:
        """The package that ``Code`` of a request names; None for this checkout.

        Raises:
            ApiError: it names nothing that can be run here.
        """
        if not isinstance(code, Mapping):
            raise refused("Code is required: ZipFile, or S3Bucket and S3Key.")
        if "ImageUri" in code:
            raise refused("Code.ImageUri: container images are not modelled by the laptop runtime; give a zip archive.")
        if code.get("S3Bucket") == CHECKOUT:
            return None
        if code.get("ZipFile") is not None:
            return self._packages.unpack(_decoded(code["ZipFile"]))
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        if not isinstance(bucket, str) or not isinstance(key, str):
            raise refused("Code needs a ZipFile, or S3Bucket and S3Key.")
        try:
            archive = self._fetch(bucket, key)
        except ApiError as error:
            raise refused(
                f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message} "
                f"(s3://{bucket}/{key})"
            ) from None
        return self._packages.unpack(archive)


def _decoded(given: object) -> bytes:
    if isinstance(given, bytes):
        return given
    try:
        return b64decode(str(given), validate=True)
    except (binascii.Error, ValueError):
        raise refused("Code.ZipFile is not base64.") from None


def changed(settings: FunctionSettings, request: Mapping[str, Any], *, layer: Layer, now: float) -> FunctionSettings:
    """The settings as a request changes them.

    Args:
        layer: gives a layer's package by the ARN of its version.
        now: epoch seconds.

    Raises:
        ApiError: InvalidParameterValueException for what cannot be taken or is not modelled.
    """
    for name in sorted(request.keys() - _KNOWN - WITHOUT_EFFECT.keys()):
        if request[name] not in (None, "", [], {}, False):
            raise refused(f"{name} is not modelled by the laptop runtime's Lambda; leave it out.")
    if request.get("PackageType", "Zip") != "Zip":
        raise refused(f"PackageType {request['PackageType']!r}: Zip only; container images are not modelled.")
    changes: dict[str, Any] = {ours: request[name] for name, ours in _SETTINGS.items() if request.get(name) is not None}
    for name, (low, high) in _LEAST.items():
        value = request.get(name)
        if value is not None and (not isinstance(value, int) or not low <= value <= high):
            raise refused(f"{name} {value!r}: an integer from {low} to {high} is allowed.")
    runtime = str(changes.get("runtime", settings.runtime))
    if not re.fullmatch(r"python3\.\d+", runtime):
        raise refused(f"Runtime {runtime!r}: the laptop runtime runs Python functions only (python3.11, python3.13 …).")
    environment = request.get("Environment")
    if environment is not None:
        variables = environment.get("Variables", {}) if isinstance(environment, Mapping) else None
        if not isinstance(variables, Mapping) or not all(isinstance(value, str) for value in variables.values()):
            raise refused("Environment must be a structure whose Variables are strings.")
        changes["environment"] = dict(variables)
    layers = request.get("Layers")
    if layers is not None:
        if not isinstance(layers, list) or not all(isinstance(arn, str) for arn in layers) or len(layers) > 5:
            raise refused("Layers: up to five ARNs of layer versions are allowed.")
        changes["layers"] = tuple((arn, layer(arn)) for arn in layers)
    architectures = request.get("Architectures")
    if isinstance(architectures, list) and architectures:
        changes["architecture"] = str(architectures[0])
    tags = request.get("Tags")
    if isinstance(tags, Mapping):
        changes["tags"] = {str(key): str(value) for key, value in tags.items()}
    changes |= _logging(request.get("LoggingConfig"))
    tracing = request.get("TracingConfig")
    if isinstance(tracing, Mapping):
        if tracing.get("Mode") not in ("Active", "PassThrough"):
            raise refused(f"TracingConfig.Mode {tracing.get('Mode')!r}: Active and PassThrough are allowed.")
        changes["traced"] = tracing["Mode"] == "Active"
    handler = changes.get("handler", settings.handler)
    if not isinstance(handler, str) or "." not in handler.strip("."):
        raise refused(f"Handler {handler!r}: module.function is needed.")
    return replace(settings, modified_at=now, **changes)


def _logging(given: object) -> dict[str, object]:
    if not isinstance(given, Mapping):
        return {}
    form = given.get("LogFormat", "Text")
    if form not in ("Text", "JSON"):
        raise refused(f"LoggingConfig.LogFormat {form!r}: Text and JSON are allowed.")
    return {"log_format": form, "log_group": given.get("LogGroup") or None}


def document(function: Function) -> dict[str, object]:
    """A FunctionConfiguration as Lambda shows it."""
    settings = function.settings
    modified = datetime.fromtimestamp(settings.modified_at, UTC)
    package = settings.package
    found: dict[str, object] = {
        "FunctionName": settings.name,
        "FunctionArn": function.arn,
        "Runtime": settings.runtime,
        "Role": settings.role,
        "Handler": settings.handler,
        "CodeSize": package.size if package else 0,
        "CodeSha256": package.digest if package else "",
        "Description": settings.description,
        "Timeout": settings.timeout_seconds,
        "MemorySize": settings.memory_mb,
        "LastModified": modified.strftime("%Y-%m-%dT%H:%M:%S.") + f"{modified.microsecond // 1000:03d}+0000",
        "Version": settings.version,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [settings.architecture],
        "TracingConfig": {"Mode": "Active" if settings.traced else "PassThrough"},
        "LoggingConfig": {"LogFormat": settings.log_format, "LogGroup": settings.log_group_name},
        "EphemeralStorage": {"Size": 512},
        "RevisionId": str(uuid5(NAMESPACE_URL, f"{function.arn}@{settings.modified_at}")),
    }
    if settings.layers:
        found["Layers"] = [{"Arn": arn, "CodeSize": layer.size} for arn, layer in settings.layers]
    if settings.environment:
        found["Environment"] = {"Variables": dict(settings.environment)}
    return found
