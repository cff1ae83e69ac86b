"""Resources found by their tags: streams, buckets and tables, as the Resource Groups Tagging API finds them."""

from collections.abc import Iterator

from infra.local.kinesis.streams import Streams
from infra.local.moto_backend import MotoBackend
from infra.local.parameters import Parameters


class TaggedResources:
    """Answers GetResources.

    Source: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
    """

    def __init__(self, moto: MotoBackend, streams: Streams, *, account: str, region: str) -> None:
        self._moto = moto
        self._streams = streams
        self._where = f"{region}:{account}"

    def get_resources(self, body: dict[str, object]) -> dict[str, object]:
        """The resources that have all tags of the filters, and are of one of the types when any are given."""
        p = Parameters(body)
        filters = [one for one in p.items("TagFilters") if isinstance(one, dict)] if "TagFilters" in body else []
        types = [str(one) for one in p.items("ResourceTypeFilters")] if "ResourceTypeFilters" in body else []
        found: list[object] = []
        for kind, arn, tags in self._all():
            if types and not any(one in (kind, kind.partition(":")[0]) for one in types):
                continue
            wanted = ((str(one.get("Key")), one.get("Values") or []) for one in filters)
            if tags and all(key in tags and (not values or tags[key] in values) for key, values in wanted):
                listed = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
                found.append({"ResourceARN": arn, "Tags": listed})
        return {"ResourceTagMappingList": found, "PaginationToken": ""}

    def _all(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Type, ARN and tags of each."""
        for stream in (self._streams.get(name) for name in self._streams.names()):
            yield "kinesis:stream", f"arn:aws:kinesis:{self._where}:stream/{stream.name}", dict(stream.tags)
        with self._moto.lock("s3"):
            s3 = self._moto.backend("s3")
            buckets = [(one.name, dict(s3.tagger.get_tag_dict_for_resource(one.arn))) for one in s3.buckets.values()]
        yield from (("s3:bucket", f"arn:aws:s3:::{name}", tags) for name, tags in buckets)
        with self._moto.lock("dynamodb"):
            tables = list(self._moto.backend("dynamodb").tables.values())
        for table in tables:
            tags = {str(tag["Key"]): str(tag["Value"]) for tag in table.tags or []}
            yield "dynamodb:table", f"arn:aws:dynamodb:{self._where}:table/{table.name}", tags
