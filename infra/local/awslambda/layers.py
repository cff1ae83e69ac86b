"""Layers: versions of packages that functions find beside their code, under ``python`` or ``bin``."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from infra.local.awslambda.configuration import Code
from infra.local.awslambda.packages import Package
from infra.local.awslambda.refusals import refused
from infra.local.clock import Clock
from infra.local.errors import ApiError


class LayerVersion(Struct, frozen=True):
    """A published version; ``created_at`` in epoch seconds."""

    arn: str
    number: int
    package: Package
    description: str
    runtimes: tuple[str, ...]
    created_at: float


class Layers:
    """The layers of one account and region.

    Args:
        prefix: of their ARNs, e.g. ``arn:aws:lambda:us-east-1:000000000000:layer:``.
        code: unpacks what is published.
        clock: where the time is read.
    """

    def __init__(self, prefix: str, code: Code, clock: Clock) -> None:
        self._prefix = prefix
        self._code = code
        self._clock = clock
        self._layers: dict[str, dict[int, LayerVersion]] = {}
        self._numbers: dict[str, int] = {}

    def package(self, arn: str) -> Package:
        """A version's package by its ARN.

        Raises:
            ApiError: InvalidParameterValueException when there is none.
        """
        name, _, number = arn.removeprefix(self._prefix).rpartition(":")
        version = self._layers.get(name, {}).get(int(number) if number.isdigit() else -1)
        if version is None or version.arn != arn:
            raise refused(f"Layer version {arn} does not exist.")
        return version.package

    def publish(self, name: str, request: Mapping[str, Any]) -> dict[str, object]:
        """Makes a new version of a layer.

        Raises:
            ApiError: its content cannot be taken.
        """
        package = self._code.package(request.get("Content"))
        if package is None:
            raise refused("Content: a layer has an archive of its own.")
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        version = LayerVersion(
            f"{self._prefix}{name}:{number}",
            number,
            package,
            str(request.get("Description", "")),
            tuple(request.get("CompatibleRuntimes") or ()),
            self._clock.now(),
        )
        self._layers.setdefault(name, {})[number] = version
        return self._document(version)

    def get(self, name: str, number: str) -> dict[str, object]:
        """A version as GetLayerVersion shows it.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        version = self._layers.get(name, {}).get(int(number) if number.isdigit() else -1)
        if version is None:
            raise ApiError("ResourceNotFoundException", f"Layer version {self._prefix}{name}:{number} not found", 404)
        return self._document(version)

    def versions(self, name: str) -> dict[str, object]:
        """The versions of a layer, the newest first."""
        found = sorted(self._layers.get(name, {}).values(), key=lambda version: -version.number)
        return {"LayerVersions": [self._document(version) for version in found]}

    def all(self) -> dict[str, object]:
        """Every layer with its newest version."""
        return {
            "Layers": [
                {
                    "LayerName": name,
                    "LayerArn": f"{self._prefix}{name}",
                    "LatestMatchingVersion": self._document(versions[max(versions)]),
                }
                for name, versions in sorted(self._layers.items())
                if versions
            ]
        }

    def delete(self, name: str, number: str) -> None:
        """Forgets a version; functions that have it keep it, as on AWS."""
        if number.isdigit():
            self._layers.get(name, {}).pop(int(number), None)

    def _document(self, version: LayerVersion) -> dict[str, object]:
        moment = datetime.fromtimestamp(version.created_at, UTC)
        return {
            "LayerVersionArn": version.arn,
            "LayerArn": version.arn.rpartition(":")[0],
            "Version": version.number,
            "Description": version.description,
            "CreatedDate": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000",
            "CompatibleRuntimes": list(version.runtimes),
            "Content": {"CodeSize": version.package.size, "CodeSha256": version.package.digest, "Location": ""},
        }
