"""Workgroups, named queries and prepared statements."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid4, uuid5

from infra.local.athena.errors import QueryError
from infra.local.clock import Clock
from infra.local.errors import ApiError

DATA_CATALOG: Final = "AwsDataCatalog"
PRIMARY: Final = "primary"
ENGINE: Final = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
_MIN_CUTOFF: Final = 10_000_000
_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,128}")
_STATEMENT: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_@:]{0,255}")

Body = dict[str, Any]
Note = Callable[[str, Mapping[str, object]], None]


def invalid(message: str) -> ApiError:
    """InvalidRequestException with a message."""
    return ApiError("InvalidRequestException", message)


@dataclass(slots=True, kw_only=True)
class WorkGroup:
    """A workgroup: its settings as Athena's API has them, and what was saved in it."""

    name: str
    created_at: float
    description: str = ""
    state: str = "ENABLED"
    configuration: Body = field(default_factory=dict)
    prepared: dict[str, Body] = field(default_factory=dict)

    @property
    def cutoff(self) -> int | None:
        """Bytes a query may scan."""
        value = self.configuration.get("BytesScannedCutoffPerQuery")
        return None if value is None else int(value)

    def location(self, given: str | None) -> str | None:
        """Where results go: the workgroup's place when it insists or nothing else is given."""
        own = (self.configuration.get("ResultConfiguration") or {}).get("OutputLocation")
        if self.configuration.get("EnforceWorkGroupConfiguration", True) and own:
            return str(own)
        return given or own


class WorkGroups:
    """The workgroups and what is saved in them.

    Args:
        clock: when things are made.
        note: told of what a statement made or removed, as the call that does it: its target, and its body.
    """

    def __init__(self, clock: Clock, *, note: Note | None = None) -> None:
        self._clock = clock
        self._note: Note = note or (lambda _target, _body: None)
        self._lock = RLock()
        self._groups = {PRIMARY: WorkGroup(name=PRIMARY, created_at=clock.now())}
        self._groups[PRIMARY].configuration = _defaults({"EnforceWorkGroupConfiguration": False})
        self._queries: dict[str, Body] = {}
        self._tokens: dict[str, str] = {}

    def find(self, name: str) -> WorkGroup:
        """The workgroup.

        Raises:
            ApiError: InvalidRequestException when there is none.
        """
        with self._lock:
            group = self._groups.get(name)
        if group is None:
            raise invalid(f"WorkGroup {name} is not found.")
        return group

    @property
    def actions(self) -> dict[str, Callable[[Body], Body]]:
        """The API's actions on these."""
        return {
            "CreateWorkGroup": self._create,
            "GetWorkGroup": self._get,
            "ListWorkGroups": self._list,
            "UpdateWorkGroup": self._update,
            "DeleteWorkGroup": self._delete,
            "CreateNamedQuery": self._create_named,
            "GetNamedQuery": self._get_named,
            "BatchGetNamedQuery": self._batch_named,
            "ListNamedQueries": self._list_named,
            "UpdateNamedQuery": self._update_named,
            "DeleteNamedQuery": self._delete_named,
            "CreatePreparedStatement": self._create_prepared,
            "UpdatePreparedStatement": self._update_prepared,
            "GetPreparedStatement": self._get_prepared,
            "BatchGetPreparedStatement": self._batch_prepared,
            "ListPreparedStatements": self._list_prepared,
            "DeletePreparedStatement": self._delete_prepared,
        }

    # --- workgroups -----------------------------------------------------------------------------------------------

    def _create(self, body: Body) -> Body:
        name = str(body.get("Name", ""))
        if not _NAME.fullmatch(name):
            raise invalid(f"a workgroup's name is 1 to 128 of A-Z a-z 0-9 . _ -; received {name[:140]!r}")
        configuration = _defaults(body.get("Configuration") or {})
        with self._lock:
            if name in self._groups:
                raise invalid("WorkGroup is already created")
            self._groups[name] = WorkGroup(
                name=name,
                created_at=self._clock.now(),
                description=str(body.get("Description") or ""),
                configuration=configuration,
            )
        return {}

    def _get(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup", "")))
        return {
            "WorkGroup": {
                "Name": group.name,
                "State": group.state,
                "Configuration": group.configuration,
                "Description": group.description,
                "CreationTime": group.created_at,
            }
        }

    def _list(self, body: Body) -> Body:
        with self._lock:
            groups = [self._groups[name] for name in sorted(self._groups)]
        rows = [
            {
                "Name": group.name,
                "State": group.state,
                "Description": group.description,
                "CreationTime": group.created_at,
                "EngineVersion": ENGINE,
            }
            for group in groups
        ]
        return paged(body, "WorkGroups", rows, 50)

    def _update(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup", "")))
        updates = dict(body.get("ConfigurationUpdates") or {})
        with self._lock:
            configuration = dict(group.configuration)
            results = dict(configuration.get("ResultConfiguration") or {})
            for name, value in dict(updates.pop("ResultConfigurationUpdates", None) or {}).items():
                if name.startswith("Remove"):
                    if value:
                        results.pop(name.removeprefix("Remove"), None)
                else:
                    results[name] = value
            configuration["ResultConfiguration"] = results
            if updates.pop("RemoveBytesScannedCutoffPerQuery", False):
                configuration.pop("BytesScannedCutoffPerQuery", None)
            group.configuration = _defaults({**configuration, **updates})
            group.state = str(body.get("State") or group.state)
            group.description = str(body.get("Description", group.description))
        return {}

    def _delete(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup", "")))
        if group.name == PRIMARY:
            raise invalid("The primary workgroup cannot be deleted")
        with self._lock:
            saved = group.prepared or any(query["WorkGroup"] == group.name for query in self._queries.values())
            if saved and not body.get("RecursiveDeleteOption"):
                raise invalid(f"WorkGroup {group.name} is not empty")
            self._queries = {key: query for key, query in self._queries.items() if query["WorkGroup"] != group.name}
            del self._groups[group.name]
        return {}

    # --- named queries --------------------------------------------------------------------------------------------

    def _create_named(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup") or PRIMARY))
        for name in ("Name", "Database", "QueryString"):
            if not body.get(name):
                raise invalid(f"{name} is missing")
        token = body.get("ClientRequestToken")
        with self._lock:
            if token and token in self._tokens:
                return {"NamedQueryId": self._tokens[token]}
            # boto3 sends a token of its own with every call: made again from the same call, it has the same id.
            made = str(uuid5(NAMESPACE_OID, str(token)) if token else uuid4())
            kept: Body = {
                name: body[name] for name in ("Name", "Description", "Database", "QueryString") if name in body
            }
            self._queries[made] = {**kept, "NamedQueryId": made, "WorkGroup": group.name}
            if token:
                self._tokens[token] = made
        return {"NamedQueryId": made}

    def _named(self, body: Body) -> Body:
        found = self._queries.get(str(body.get("NamedQueryId", "")))
        if found is None:
            raise invalid(f"NamedQuery {body.get('NamedQueryId')} was not found")
        return found

    def _get_named(self, body: Body) -> Body:
        return {"NamedQuery": self._named(body)}

    def _batch_named(self, body: Body) -> Body:
        wanted = list(body.get("NamedQueryIds") or [])
        missing = [
            {"NamedQueryId": key, "ErrorCode": "INTERNAL_FAILURE", "ErrorMessage": f"NamedQuery {key} was not found"}
            for key in wanted
            if key not in self._queries
        ]
        found = [self._queries[key] for key in wanted if key in self._queries]
        return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}

    def _list_named(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup") or PRIMARY))
        rows = [key for key, query in self._queries.items() if query["WorkGroup"] == group.name]
        return paged(body, "NamedQueryIds", rows, 50)

    def _update_named(self, body: Body) -> Body:
        found = self._named(body)
        found.update({name: body[name] for name in ("Name", "Description", "QueryString") if name in body})
        return {}

    def _delete_named(self, body: Body) -> Body:
        with self._lock:
            self._queries.pop(self._named(body)["NamedQueryId"])
        return {}

    # --- prepared statements --------------------------------------------------------------------------------------

    def prepare(self, group: WorkGroup, name: str, sql: str, description: str = "") -> None:
        """Saves a prepared statement; one of that name is replaced.

        Raises:
            ApiError: the name or the statement is not one.
        """
        if not _STATEMENT.fullmatch(name):
            raise invalid(f"a prepared statement's name is 1 to 256 of A-Z a-z 0-9 _ @ :, no digit first; got {name!r}")
        from infra.local.athena.statements import read_statement

        try:
            read_statement(sql)
        except QueryError as error:
            raise invalid(error.message) from error
        with self._lock:
            group.prepared[name] = {
                "StatementName": name,
                "QueryStatement": sql,
                "WorkGroupName": group.name,
                "Description": description,
                "LastModifiedTime": self._clock.now(),
            }

    def forget(self, group: WorkGroup, name: str) -> None:
        """Removes a prepared statement.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        with self._lock:
            if group.prepared.pop(name, None) is None:
                raise _no_statement(name)

    def prepare_by_statement(self, group: WorkGroup, name: str, sql: str) -> None:
        """``prepare`` for SQL's PREPARE, of which there is no call."""
        action = "Update" if name in group.prepared else "Create"
        self.prepare(group, name, sql)
        body = {"WorkGroup": group.name, "StatementName": name, "QueryStatement": sql}
        self._note(f"AmazonAthena.{action}PreparedStatement", body)

    def forget_by_statement(self, group: WorkGroup, name: str) -> None:
        """``forget`` for SQL's DEALLOCATE PREPARE, of which there is no call."""
        self.forget(group, name)
        self._note("AmazonAthena.DeletePreparedStatement", {"WorkGroup": group.name, "StatementName": name})

    def prepared(self, group: WorkGroup, name: str) -> Body:
        """A prepared statement.

        Raises:
            ApiError: ResourceNotFoundException.
        """
        found = group.prepared.get(name)
        if found is None:
            raise _no_statement(name)
        return found

    def _create_prepared(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup", "")))
        name = str(body.get("StatementName", ""))
        if name in group.prepared:
            raise invalid(f"PreparedStatement {name} already exists")
        self.prepare(group, name, str(body.get("QueryStatement", "")), str(body.get("Description") or ""))
        return {}

    def _update_prepared(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup", "")))
        old = self.prepared(group, str(body.get("StatementName", "")))
        description = str(body.get("Description", old["Description"]))
        self.prepare(group, old["StatementName"], str(body.get("QueryStatement", "")), description)
        return {}

    def _get_prepared(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup", "")))
        return {"PreparedStatement": self.prepared(group, str(body.get("StatementName", "")))}

    def _batch_prepared(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup", "")))
        names = list(body.get("PreparedStatementNames") or [])
        missing = [
            {"StatementName": name, "ErrorCode": "STATEMENT_NOT_FOUND", "ErrorMessage": _no_statement(name).message}
            for name in names
            if name not in group.prepared
        ]
        found = [group.prepared[name] for name in names if name in group.prepared]
        return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": missing}

    def _list_prepared(self, body: Body) -> Body:
        group = self.find(str(body.get("WorkGroup", "")))
        rows = [
            {"StatementName": name, "LastModifiedTime": saved["LastModifiedTime"]}
            for name, saved in sorted(group.prepared.items())
        ]
        return paged(body, "PreparedStatements", rows, 50)

    def _delete_prepared(self, body: Body) -> Body:
        self.forget(self.find(str(body.get("WorkGroup", ""))), str(body.get("StatementName", "")))
        return {}


def _no_statement(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"PreparedStatement {name} was not found")


def _defaults(given: Body) -> Body:
    cutoff = given.get("BytesScannedCutoffPerQuery")
    if cutoff is not None and int(cutoff) < _MIN_CUTOFF:
        raise invalid(f"BytesScannedCutoffPerQuery is at least {_MIN_CUTOFF}; received {cutoff}")
    wanted = (given.get("EngineVersion") or {}).get("SelectedEngineVersion", "AUTO")
    if wanted not in {"AUTO", "Athena engine version 3"}:
        raise invalid(f"the engine version is AUTO or Athena engine version 3; received {wanted!r}")
    return {
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": False,
        "RequesterPaysEnabled": False,
        "ResultConfiguration": {},
        **given,
        "EngineVersion": {**ENGINE, "SelectedEngineVersion": wanted},
    }


def paged(body: Body, name: str, rows: list[Any], most: int) -> Body:
    """One page of a list.

    Args:
        body: the request, with ``MaxResults`` and ``NextToken``.
        name: what the answer calls the list.
        most: rows on a page, at most.

    Raises:
        ApiError: a token that this did not give.
    """
    token = str(body.get("NextToken") or "0")
    if not token.isdigit() or int(token) > len(rows):
        raise invalid("Invalid NextToken")
    size = int(body.get("MaxResults") or most)
    if not 0 < size <= most:
        raise invalid(f"MaxResults is 1 to {most}; received {size}")
    end = int(token) + size
    answer: Body = {name: rows[int(token) : end]}
    if end < len(rows):
        answer["NextToken"] = str(end)
    return answer
