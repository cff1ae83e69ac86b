"""Mapping templates: Velocity as airspeed reads it, with the objects and methods that API Gateway gives a template.

airspeed has the grammar; what a template does is Java's way (:mod:`infra.local.apigateway.java_values`), and is turned
into a function once (:mod:`infra.local.apigateway.velocity_code`). A method that is not modelled is refused when the
template is read, so that nothing works here and not there.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import airspeed  # type: ignore[import-untyped]

from infra.local.apigateway.java_values import METHODS, Input, Util
from infra.local.apigateway.json_values import NotJsonError, NotModelledError
from infra.local.apigateway.velocity_code import function_of

_CALL: Final = re.compile(r"\.([A-Za-z_]\w*)\(")


class Members(dict[str, Any]):
    """A part of ``$context``: what is not there is nothing."""

    def __missing__(self, name: str) -> None:
        return None


def context(values: Mapping[str, Any]) -> Members:
    """``$context`` with these values, and with the places for overrides.

    >>> context({"requestId": "1"})["requestOverride"]["path"]
    {}
    """
    made = _members(values)
    made["requestOverride"] = Members(path=Members(), header=Members(), querystring=Members())
    made["responseOverride"] = Members(header=Members())
    return made


def _members(values: Mapping[str, Any]) -> Members:
    return Members({name: _members(one) if isinstance(one, Mapping) else one for name, one in values.items()})


def render(template: str, *, given: Input, about: Members, stage_variables: Mapping[str, str]) -> str:
    """What a mapping template makes.

    Args:
        template: Velocity.
        given: ``$input``.
        about: ``$context``, whose overrides the template may set.
        stage_variables: ``$stageVariables``.

    Raises:
        NotJsonError: the template reads the body as JSON, and it is none.
        NotModelledError: the template cannot be read, or asks for what is not modelled.

    >>> render('{"n": "$input.path("$.a")"}', given=Input('{"a": "b"}', {}), about=context({}), stage_variables={})
    '{"n": "b"}'
    """
    made = _compiled(template)
    try:
        text: str = made(given, Util, about, Members(stage_variables))
    except (NotJsonError, NotModelledError):
        raise
    except Exception as error:
        raise NotModelledError(f"a mapping template failed with {type(error).__name__}") from None
    return text


def check(template: str) -> None:
    """Passes when a template can be rendered here.

    Raises:
        NotModelledError: it cannot be read, or has a method or a directive that is not modelled.
    """
    _compiled(template)


@lru_cache(256)
def _compiled(template: str) -> Any:
    unknown = sorted(set(_CALL.findall(template)) - METHODS)
    if unknown:
        raise NotModelledError(
            f"a mapping template calls {', '.join(unknown)}, which the laptop runtime does not model"
        )
    read = airspeed.Template(template)
    try:
        read.ensure_compiled()
    except airspeed.TemplateSyntaxError as error:
        raise NotModelledError(f"a mapping template cannot be read: {error}") from None
    except RecursionError:
        raise NotModelledError("a mapping template is nested too deep") from None
    return function_of(read)


# A name may have a hyphen, as those of headers do.
_NAME: Final = r"[a-z_][a-z0-9_-]*"
airspeed.SetDirective.PLACE = re.compile(rf"\s*\$({_NAME}(?:\.{_NAME})*)", re.IGNORECASE)
