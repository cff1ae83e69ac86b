"""What answers where no service of ours does: moto's backends, in this process, behind one WSGI application."""

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

from infra.local.defaults import ACCOUNT_ID
from infra.local.glue_statistics import answer_for_column_statistics
from infra.local.object_bodies import ObjectBody
from infra.local.unnamed_files import UnnamedFiles

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Loaded and called once while the twin starts, so that no user's first call pays for the import. Systems Manager is not
# among them: moto reads all of EC2 for it, which takes as long as everything else.
SERVICES = ("s3", "dynamodb", "events", "sqs", "glue", "iam", "sts", "logs", "cloudwatch", "kms", "sns")

# SQS's ReceiveMessage waits inside the call; one lock would keep senders out for as long.
_UNLOCKED = frozenset({"sqs"})

ObjectsChanged = Callable[[list[tuple[str, str, Any]]], None]
"""Takes bucket, key and moto's object of what has changed; None for an object that is gone."""


class QueueWatcher(Protocol):
    """Is told what becomes of messages."""

    def sent(self, queue: str, message: Any) -> None: ...
    def received(self, queue: str, count: int) -> None: ...
    def deleted(self, queue: str) -> None: ...


# The dictionary of a bucket's keys, by identity, and the key: what was stored or removed and not told yet.
_touched: list[tuple[int, str]] = []
_MOTOS_OWN: dict[str, Any] = {}
_LARGEST_ITEM = 405_000
"""Bytes, as moto has it."""
_AS_SAID: dict[Any, Any] = {}
_STORAGE = {"Compressed": False, "NumberOfBuckets": 0, "SortColumns": [], "StoredAsSubDirectories": False}


@cache
def _noted_keys() -> type[Any]:
    """moto's dictionary of a bucket's keys, which notes what is stored and removed."""
    from moto.s3.utils import _VersionedKeyStore

    class NotedKeys(_VersionedKeyStore):  # type: ignore[misc]
        def __setitem__(self, key: str, value: Any) -> None:
            super().__setitem__(key, value)
            _touched.append((id(self), key))

        def setlist(self, key: str, list_: Any) -> None:
            super().setlist(key, list_)
            _touched.append((id(self), key))

        def pop(self, key: str) -> None:
            super().pop(key)
            _touched.append((id(self), key))

    return NotedKeys


class MotoBackend:
    """moto as a WSGI application for one account: one call at a time per service, nothing recorded.

    moto's backends are plain dictionaries without locks (its source says so at several places). They hold Python's
    global lock for nearly all of a call anyhow, so taking turns costs nothing and rules the races out.

    Args:
        account_id: 12 digits; every call lands in this account, whatever its access key.
        region: the region of calls that carry none.
    """

    def __init__(self, *, account_id: str = ACCOUNT_ID, region: str = "us-east-1") -> None:
        # The import costs a second and a half: paid by the twin, not by `streamkeeper query`.
        from moto.moto_server import werkzeug_app

        # moto opens itself to every web page (Access-Control-Allow-Origin: *). A page has no business here.
        werkzeug_app.DISABLE_GLOBAL_CORS = True
        self._dispatcher = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
        self._account_id = account_id
        self._region = region
        self._locks: dict[str, threading.RLock] = {}
        self._on_objects: ObjectsChanged | None = None
        self._on_message: list[Callable[[str, Any], None]] = []
        _forget_instances()
        _leave_out_conditional_statements()
        _close_values_quietly()
        _keep_objects_on_disk()
        _fill_in_storage_descriptors()
        _measure_items_once()
        _name_pools_by_what_they_are()
        _answer_for_partitions()
        answer_for_column_statistics()
        _list_no_folder_of_deleted_objects()
        logging.getLogger("botocore.hooks").setLevel(logging.WARNING)

    def warm(self, services: Iterable[str] = SERVICES) -> None:
        """Imports the services' backends and makes their applications."""
        from moto.moto_server.werkzeug_app import create_backend_app

        for service in services:
            with self._dispatcher.lock:
                if service not in self._dispatcher.app_instances:
                    self._dispatcher.app_instances[service] = create_backend_app(service)

    def lock(self, service: str) -> threading.RLock:
        """The lock that every user of a service's backend holds while it works in there."""
        return self._locks.setdefault(service, threading.RLock())

    def backend(self, service: str) -> Any:
        """moto's own backend object of a service in this account; region-bound services in this region."""
        from moto.backends import get_backend

        backends = get_backend(service)[self._account_id]
        return backends["aws"] if "aws" in backends and service in {"s3", "iam", "sts"} else backends[self._region]

    def user_pool_keys(self, arn: str) -> Mapping[str, Any] | None:
        """The public keys of a user pool as JWKS; None where there is no such pool.

        moto signs all tokens with one key, which lies in its package: good for tests, and for nothing else.
        """
        with self.lock("cognito-idp"):
            pool = self.backend("cognito-idp").user_pools.get(arn.rpartition("/")[2])
        if pool is None or pool.arn != arn:
            return None
        return {"keys": [{**pool.json_web_key.as_dict(private=False), "kid": "dummy"}]}

    def watch_objects(self, changed: "ObjectsChanged") -> None:
        """Calls ``changed`` with each object that was stored or removed, once the call that did it is done."""
        from moto.s3 import models

        self._on_objects = changed
        _touched.clear()
        models._VersionedKeyStore = _noted_keys()
        for bucket in self.backend("s3").buckets.values():
            bucket.keys.__class__ = _noted_keys()

    def objects_changed(self) -> None:
        """Tells the watcher of S3 what has changed; every user of the backend calls this, with the lock held."""
        if self._on_objects is None or not _touched:
            return
        buckets = {id(bucket.keys): bucket for bucket in self.backend("s3").buckets.values()}
        touched, _touched[:] = list(dict.fromkeys(_touched)), []
        found = []
        for keys, key in touched:
            if bucket := buckets.get(keys):
                stored = bucket.keys.get(key)
                found.append((bucket.name, key, stored if hasattr(stored, "size") else None))
        self._on_objects(found)

    def watch_messages(self, sent: Callable[[str, Any], None]) -> None:
        """Calls ``sent`` with queue and message whenever one has come into a queue."""
        self._on_message.append(sent)
        self._watch_messages()

    def _watch_messages(self) -> None:
        from moto.sqs.models import Queue

        add = _MOTOS_OWN.setdefault("add", Queue.add_message)

        def add_message(queue: Any, message: Any) -> None:
            add(queue, message)
            if not queue.fifo_queue or message in queue._messages[-1:]:  # a repeat is left out of a FIFO queue
                for sent in self._on_message:
                    sent(queue.name, message)

        Queue.add_message = add_message

    def watch_queues(self, watcher: "QueueWatcher") -> None:
        """Tells a watcher what is received from queues and deleted."""
        from moto.sqs.models import SQSBackend

        receive = _MOTOS_OWN.setdefault("receive", SQSBackend.receive_message)
        delete = _MOTOS_OWN.setdefault("delete", SQSBackend.delete_message)

        def receive_message(backend: Any, queue_name: str, *given: Any, **named: Any) -> Any:
            found = receive(backend, queue_name, *given, **named)
            watcher.received(queue_name, len(found))
            return found

        def delete_message(backend: Any, queue_name: str, receipt_handle: str) -> None:
            delete(backend, queue_name, receipt_handle)
            watcher.deleted(queue_name)

        SQSBackend.receive_message, SQSBackend.delete_message = receive_message, delete_message
        self._on_message.append(watcher.sent)
        self._watch_messages()

    def unwatch(self) -> None:
        """Tells nobody any more."""
        from moto.s3 import models
        from moto.s3.utils import _VersionedKeyStore
        from moto.sqs.models import Queue, SQSBackend

        self._on_objects = None
        models._VersionedKeyStore = _VersionedKeyStore
        self._on_message.clear()
        if "add" in _MOTOS_OWN:
            Queue.add_message = _MOTOS_OWN["add"]
        if "receive" in _MOTOS_OWN:
            SQSBackend.receive_message = _MOTOS_OWN["receive"]
            SQSBackend.delete_message = _MOTOS_OWN["delete"]

    def reset(self) -> None:
        """Empties every backend: a twin starts and ends with nothing."""
        from moto.core.base_backend import BackendDict
        from moto.s3.models import FakeKey

        with self.lock("s3"):
            for bucket in self.backend("s3").buckets.values():
                # moto's own reset closes the newest versions only.
                for name in list(bucket.keys):
                    for version in bucket.keys.getlist(name):
                        if isinstance(version, FakeKey):
                            version.dispose()
            BackendDict.reset()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        application: WSGIApplication = self._dispatcher.get_application(environ)
        service = str(getattr(application, "service", ""))
        if service in _UNLOCKED:
            return application(environ, start_response)
        with self.lock(service):
            try:
                return application(environ, start_response)
            finally:
                if service == "s3":
                    self.objects_changed()


def _forget_instances() -> None:
    """Stops moto from keeping a reference to every object, item and message ever made.

    It serves moto's dashboard; in a process that runs for days it is a leak of everything.
    """
    from moto.core.common_models import BaseModel

    def new(cls: type[Any], *_args: Any, **_kwargs: Any) -> Any:
        return object.__new__(cls)

    BaseModel.__new__ = staticmethod(new)


def _leave_out_conditional_statements() -> None:
    """Makes moto judge a bucket policy by its unconditional statements.

    moto ignores a statement's Condition, so that "deny what does not come over TLS" denies everything. The loopback
    interface leaves this machine as little as a TLS connection can be read on its way.
    """
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(bucket.policy)
        given = document.get("Statement", [])
        statements = given if isinstance(given, list) else [given]
        document["Statement"] = [statement for statement in statements if not statement.get("Condition")]
        if not document["Statement"]:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def _close_values_quietly() -> None:
    """Lets an object that nobody holds any more close its temporary file, instead of complaining that it was open."""
    from moto.s3.models import FakeKey

    FakeKey.__del__ = FakeKey.dispose


def _keep_objects_on_disk() -> None:
    """Keeps objects of any size in a few files together; moto has those up to 5 MB in memory, others in a file each."""
    from moto.s3 import models

    files = _MOTOS_OWN.setdefault("files", UnnamedFiles())
    models.tempfile = SimpleNamespace(SpooledTemporaryFile=lambda *_given, **_named: ObjectBody(files))


def _measure_items_once() -> None:
    """Lets DynamoDB measure an item when it is whole, instead of all that it has so far with each attribute."""
    from moto.dynamodb.exceptions import ItemSizeTooLarge
    from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict

    def made(self: Any, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
        self.hash_key, self.range_key, self.attrs = hash_key, range_key, LimitedSizeDict()
        for name, value in attrs.items():
            dict.__setitem__(self.attrs, name, DynamoType(value))
        if self.size() > _LARGEST_ITEM:
            raise ItemSizeTooLarge

    Item.__init__ = made


def _fill_in_storage_descriptors() -> None:
    """Lets Glue say of a table's and a partition's files what it says when nobody said it: Hive clients ask for it.

    Source: https://docs.aws.amazon.com/cli/latest/reference/glue/get-table.html (the example's answer)
    """
    from moto.glue.models import FakePartition, FakeTable

    for kind in (FakeTable, FakePartition):
        said = _AS_SAID.setdefault(kind, kind.as_dict)

        def as_dict(one: Any, *given: Any, _said: Any = said, **named: Any) -> Any:
            document = _said(one, *given, **named)
            if storage := document.get("StorageDescriptor"):
                document["StorageDescriptor"] = {**_STORAGE, **storage}
            return document

        kind.as_dict = as_dict


def _name_pools_by_what_they_are() -> None:
    """A user pool with the same name and settings has the same id in every run, so that a parameter can name it."""
    from moto import settings

    settings.get_cognito_idp_user_pool_id_strategy = lambda: "HASH"
    # Read with the first call of Cognito; if that was before, it has moto's own way already.
    if models := sys.modules.get("moto.cognitoidp.models"):
        models.get_cognito_idp_user_pool_id_strategy = lambda: "HASH"  # type: ignore[attr-defined]


def _answer_for_partitions() -> None:
    """Lets Glue give a segment of the partitions where one is asked for, and say that a batch left nothing out.

    Trino asks for segments at the same time, and needs the list of what was left out.
    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html and API_BatchGetPartition.html there.
    """
    from moto.core.responses import ActionResult
    from moto.glue.responses import GlueResponse

    said_of_batch = _AS_SAID.setdefault("BatchGetPartition", GlueResponse.batch_get_partition)
    said_of_all = _AS_SAID.setdefault("GetPartitions", GlueResponse.get_partitions)

    def batch_get_partition(response: Any) -> Any:
        return ActionResult({"UnprocessedKeys": [], **said_of_batch(response).result})

    def get_partitions(response: Any) -> Any:
        answer, segment = said_of_all(response), response.parameters.get("Segment")
        if not segment:
            return answer
        number, count = int(segment["SegmentNumber"]), int(segment["TotalSegments"])
        return ActionResult({**answer.result, "Partitions": answer.result["Partitions"][number::count]})

    GlueResponse.batch_get_partition = batch_get_partition
    GlueResponse.get_partitions = get_partitions


def _list_no_folder_of_deleted_objects() -> None:
    """Lets S3 list a folder only while an object is in it; moto goes on listing those whose objects were all deleted.

    Only a bucket with versions keeps a key that was deleted, by its marker. Spark's committer looks for the folders of
    its tasks and would find those of earlier jobs.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
    """
    from moto.s3.models import FakeDeleteMarker, FakeTableStorageBucket, S3Backend

    said = _AS_SAID.setdefault("ListObjects", S3Backend.list_objects)

    def list_objects(backend: Any, bucket: Any, prefix: str | None, *given: Any, **named: Any) -> Any:
        if not isinstance(bucket, FakeTableStorageBucket):  # moto refuses those by their class
            there = {
                name: key
                for name, key in bucket.keys.items()
                if name.startswith(prefix or "") and not isinstance(key, FakeDeleteMarker)
            }
            bucket = SimpleNamespace(keys=there)
        return said(backend, bucket, prefix, *given, **named)

    S3Backend.list_objects = list_objects
