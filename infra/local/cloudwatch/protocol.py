"""CloudWatch's older protocol, in which calls are forms and answers are XML; newer SDKs speak JSON.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from infra.local.errors import ApiError


def read_form(action: str, body: str) -> dict[str, Any]:
    """The parameters of a call that came as a form."""
    from moto.core.parse import QueryParser

    request: Any = {"method": "POST", "values": dict(parse_qsl(body)), "headers": {}, "body": body, "url_path": "/"}
    parsed: dict[str, Any] = QueryParser(_operation(action)).parse(request)
    return parsed


def answer_xml(action: str, answer: Mapping[str, Any]) -> str:
    """The document that answers a form."""
    from moto.core.serialize import QuerySerializer

    body: str = QuerySerializer(operation_model=_operation(action)).serialize(dict(answer))["body"]
    return body


def refusal_xml(error: ApiError, request_id: str) -> str:
    """The document that refuses a form."""
    from xml.sax.saxutils import escape

    return (
        '<ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error><Type>Sender</Type>'
        f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _operation(action: str) -> Any:
    from moto.core.model import OperationModel, ServiceModel
    from moto.core.utils import get_service_model

    service: ServiceModel = get_service_model("cloudwatch")
    found: OperationModel = service.operation_model(action)
    return found
