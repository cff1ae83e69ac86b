"""What a stack was when it was made, so that a runtime can be brought back to it in milliseconds, for the next test."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from infra.local.awslambda.driver import EventSourceDriver
from infra.local.awslambda.functions import Functions, FunctionSettings
from infra.local.awslambda.settings import MappingSettings
from infra.local.clock import Clock
from infra.local.cloudwatch.service import CloudWatch
from infra.local.firehose.api import FirehoseApi
from infra.local.firehose.driver import DeliveryStreamDriver
from infra.local.firehose.source import Source
from infra.local.kinesis.streams import Streams
from infra.local.logs import FunctionLogs
from infra.local.moto_backend import MotoBackend

_SETTLE_SECONDS = 30.0
_LOOK_SECONDS = 0.002


class BaselineLostError(Exception):
    """Something that the stack was made of is gone or different, so that only a new start brings it back."""


class Services(Struct, frozen=True):
    """The parts of a runtime that hold anything."""

    clock: Clock
    streams: Streams
    functions: Functions
    mappings: EventSourceDriver
    deliveries: DeliveryStreamDriver
    firehose: FirehoseApi
    logs: FunctionLogs
    moto: MotoBackend
    cloudwatch: CloudWatch
    open_source: Callable[[str, str, float], Source]


class Baseline:
    """The runtime's resources as they are now, to come back to.

    Args:
        services: whose.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._shards = {name: self._shape(name) for name in services.streams.names()}
        self._functions: dict[str, FunctionSettings] = {
            name: services.functions.get(name).settings for name in services.functions.names()
        }
        self._versions = {name: services.functions.versions(name).kept() for name in self._functions}
        self._mappings: dict[str, tuple[MappingSettings, bool]] = {
            uuid: (entry.settings, entry.enabled) for uuid, entry in services.mappings.entries.items()
        }
        self._deliveries = {name: state["version"] for name, state in services.deliveries.state().items()}
        self._moto = _MotoBaseline(services.moto)
        self._alarms = {alarm.name: alarm.given for alarm in services.cloudwatch.alarms.all()}

    def restore(self) -> None:
        """Empties streams, buffers, buckets, tables, queues and logs, and removes what was made beside the stack.

        Invocations under way are waited for, since what they write would be the next test's.

        Raises:
            BaselineLostError: something of the stack is gone, or was changed for good.
        """
        services = self._services
        self._require_all()
        services.mappings.hold()
        until = time.monotonic() + _SETTLE_SECONDS
        while services.mappings.busy() and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        for name in services.deliveries.state().keys() - self._deliveries.keys():
            services.firehose.call("DeleteDeliveryStream", {"DeliveryStreamName": name})
        now = services.clock.now()
        for name in services.streams.names():
            stream = services.streams.get(name)
            if name in self._shards:
                services.streams.empty(stream, shard_count=self._shards[name][1], now=now)
            else:
                services.streams.delete(stream)
        services.deliveries.clear(lambda name, arn: services.open_source(name, arn, now))
        self._moto.restore()
        services.logs.clear()
        for name in services.functions.names():
            function = services.functions.get(name)
            if name not in self._functions:
                services.functions.delete(name)
            elif function.settings is not self._functions[name]:
                function.configure(self._functions[name])
        for name, kept in self._versions.items():
            services.functions.versions(name).restore(kept)
        services.mappings.renew(self._mappings)
        services.cloudwatch.alarms.keep(self._alarms, services.clock.now())
        services.cloudwatch.watch.begin_anew()

    def _shape(self, name: str) -> tuple[Any, int]:
        stream = self._services.streams.get(name)
        return stream, len(stream.open_shards)

    def _require_all(self) -> None:
        services = self._services
        there: Mapping[str, object] = services.deliveries.state()
        for name, (stream, _) in self._shards.items():
            if name not in services.streams.names() or services.streams.get(name) is not stream:
                raise BaselineLostError(f"stream {name} was deleted")
        for name in self._functions:
            if name not in services.functions.names():
                raise BaselineLostError(f"function {name} was deleted")
        for name, version in self._deliveries.items():
            if name not in there or services.deliveries.state()[name]["version"] != version:
                raise BaselineLostError(f"delivery stream {name} was deleted or changed")
        self._moto.require_all()


class _MotoBaseline:
    """What is moto's: buckets, tables, queues, the catalog."""

    def __init__(self, moto: MotoBackend) -> None:
        self._moto = moto
        self._buckets = {
            name: {key: bucket.keys.getlist(key)[-1] for key in bucket.keys} for name, bucket in self._buckets_now()
        }
        self._tables = self._names("dynamodb", "tables")
        self._items = {name: self._copied(name) for name in self._tables}
        self._queues = self._names("sqs", "queues")
        self._topics = self._names("sns", "topics")
        self._catalog = {
            name: {table: self._table_version(found) for table, found in database.tables.items()}
            for name, database in moto.backend("glue").databases.items()
        }

    def require_all(self) -> None:
        """Passes when what the stack was made of is there."""
        there = dict(self._buckets_now())
        for name, objects in self._buckets.items():
            if name not in there or any(there[name].keys.get(key) is not held for key, held in objects.items()):
                raise BaselineLostError(f"bucket {name}, or an object that was in it, was deleted or replaced")
        for service, attribute, names in (
            ("dynamodb", "tables", self._tables),
            ("sqs", "queues", self._queues),
            ("sns", "topics", self._topics),
        ):
            gone = names - self._names(service, attribute)
            if gone:
                raise BaselineLostError(f"{service}: {', '.join(sorted(gone))} was deleted")
        databases = self._moto.backend("glue").databases
        for name, tables in self._catalog.items():
            found = (
                {table: self._table_version(one) for table, one in databases[name].tables.items()}
                if name in databases
                else {}
            )
            if any(found.get(table) != version for table, version in tables.items()):
                raise BaselineLostError(f"database {name}, or a table in it, was deleted or changed")

    def restore(self) -> None:
        """Empties it all, and removes what was not there."""
        self._objects()
        with self._moto.lock("dynamodb"):
            tables = self._moto.backend("dynamodb").tables
            for name in list(tables):
                if name not in self._tables:
                    del tables[name]
                    continue
                tables[name].items = defaultdict(dict)
                for item in self._items[name]:
                    tables[name].put_item(item)
        self._messages()
        with self._moto.lock("glue"):
            databases = self._moto.backend("glue").databases
            for name in list(databases):
                if name not in self._catalog:
                    del databases[name]
                    continue
                for table in list(databases[name].tables):
                    if table not in self._catalog[name]:
                        del databases[name].tables[table]
                    else:
                        databases[name].tables[table].partitions.clear()
        with self._moto.lock("cloudwatch"):
            self._moto.backend("cloudwatch").metric_data.clear()

    def _objects(self) -> None:
        with self._moto.lock("s3"):
            backend = self._moto.backend("s3")
            for name, bucket in self._buckets_now():
                kept = self._buckets.get(name, {})
                for key in [key for key in bucket.keys if key not in kept]:
                    # A delete marker has nothing to dispose of, and moto's own pop does not know that.
                    bucket.keys.setlist(key, [one for one in bucket.keys.getlist(key) if not hasattr(one, "dispose")])
                    dict.pop(bucket.keys, key)
                bucket.multiparts.clear()
                if name not in self._buckets:
                    backend.buckets.pop(name)
            self._moto.objects_changed()

    def _messages(self) -> None:
        backend = self._moto.backend("sqs")
        for name, queue in list(backend.queues.items()):
            if name not in self._queues:
                backend.queues.pop(name)
                continue
            with queue._messages_lock:
                queue._messages.clear()
                queue.pending_messages.clear()
                queue.deleted_messages.clear()
        topics = self._moto.backend("sns").topics
        for arn in list(topics):
            if arn not in self._topics:
                del topics[arn]
            else:
                topics[arn].sent_notifications.clear()

    def _buckets_now(self) -> list[tuple[str, Any]]:
        return list(self._moto.backend("s3").buckets.items())

    def _names(self, service: str, attribute: str) -> set[str]:
        return set(getattr(self._moto.backend(service), attribute))

    def _copied(self, table: str) -> list[dict[str, Any]]:
        items = self._moto.backend("dynamodb").tables[table].all_items()
        return [dict(item.to_json()["Attributes"]) for item in items]

    @staticmethod
    def _table_version(table: Any) -> int:
        return len(table.versions)
