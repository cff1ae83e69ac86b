"""The mapping templates of the API (Velocity), made of the rules on fields.

How they keep content from becoming anything else than content:

* What goes on the stream is put together of JSON that the gateway itself wrote (``$input.json``), and goes as base64.
* What goes into an answer are words of ours, numbers, and values that matched an expression without quotes; the rest is
  JSON that the gateway wrote. Nothing of a caller stands between quotes of ours, so that nothing has to be escaped:
  ``$util.escapeJavaScript`` writes ``\\'``, which is no JSON, and leaves it to each place to put that right.
* What is checked is what is sent: a field that comes twice is one field here, whichever the gateway took.
* A caller's names are looked up by ``get`` and ``containsKey``, so that no field can stand in for a method.

A request that is refused still has to become a call, since a mapping template cannot end one. It becomes one without
any record, which the service refuses; the words for the caller travel in ``$context.requestOverride``, where the
template of the answer finds them.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-override-request-response-parameters.html
"""

from collections.abc import Iterable

from glue.contract import MAX_CONTEXT, MAX_MEDIA, MAX_TEXT_BYTES
from infra.content_api.rules import MAX_BATCH_CHARACTERS, MAX_EVENTS, NOT_TAKEN, Field, fields, media_fields

ID = "[A-Za-z0-9._:@-]{1,128}"
TENANT = "[A-Za-z0-9_-]{1,64}"
RETRY_SECONDS = 2

_WHOLE_GROUPS = 4 * -(-MAX_TEXT_BYTES // 3)
"""Characters of base64 for a text of the greatest length."""
_PADDING = "=" * (-MAX_TEXT_BYTES % 3)

# The claim is fixed, since a mapping template cannot look one up by a parameter.
TENANT_LINES = f"""\
#set($tenant = "$!context.authorizer.claims['custom:tenant']")
#if($stageVariables.authorizer == 'cognito' && !$tenant.matches('{TENANT}'))
#set($detail = 'the token has no claim custom:tenant of 1 to 64 of A-Z a-z 0-9 _ -')
#set($status = 403)
#end
#set($prefix = '')
#if($tenant != '')
#set($prefix = "$tenant:")
#end
"""


def put_one() -> str:
    """The request with one event, as PutRecord."""
    return (
        _START
        + "#set($where = '#')\n#set($at = '$.')\n#set($event = $input.path('$'))\n#set($whole = $input.json('$'))\n"
        + _check()
        + """\
#if($detail == '')
#set($context.requestOverride.path.event = $event.get('event_id'))
#set($context.requestOverride.path.content = $event.get('content_id'))
{"StreamName": "$stageVariables.stream", "PartitionKey": "$key", "Data": "$util.base64Encode("{$document}")"}
#else
#set($context.requestOverride.path.detail = $detail)
#set($context.requestOverride.path.pointer = $pointer)
#set($context.requestOverride.path.status = $status)
{}
#end
"""
    )


def put_many() -> str:
    """The request with many events, as PutRecords; it sends those that are right."""
    wanted = f"a list of 1 to {MAX_EVENTS} events"
    return (
        _START
        + f"""\
#set($plan = '')
#set($comma = '')
#set($events = $input.path('$.events'))
#set($list = $input.json('$.events'))
#if($detail == '' && !$list.startsWith('['))
#set($pointer = '#/events')
#set($detail = 'is needed; it must be {wanted}')
#elseif($detail == '' && ($events.size() < 1 || $events.size() > {MAX_EVENTS}))
#set($pointer = '#/events')
#set($detail = "has $events.size() events; it must be {wanted}")
#elseif($detail == '' && $list.length() > {MAX_BATCH_CHARACTERS})
#set($pointer = '#/events')
#set($detail = 'is longer than {MAX_BATCH_CHARACTERS} characters in all; send more requests')
#set($status = 413)
#end
#if($detail == '')
{{"StreamName": "$stageVariables.stream", "Records": [
#foreach($event in $events)
#set($number = $foreach.index)
#set($where = "#/events/$number")
#set($whole = $input.json("$dollar$list_of$number]"))
#set($at = "$dollar$list_of$number].")
#set($detail = '')
#set($pointer = $where)
"""
        + _check()
        + """\
#if($detail == '')
#set($plan = "$plan+~")
$comma{"PartitionKey": "$key", "Data": "$util.base64Encode("{$document}")"}
#set($comma = ',')
#else
#set($plan = "$plan$pointer|$detail~")
#end
#end
]}
#set($context.requestOverride.path.plan = $plan)
#else
#set($context.requestOverride.path.detail = $detail)
#set($context.requestOverride.path.pointer = $pointer)
#set($context.requestOverride.path.status = $status)
{}
#end
"""
    )


def _string(value: str, field: Field) -> str:
    bounds = f" || $length < {field.shortest} || $length > {field.longest}" if field.longest else ""
    return f"{_length(value)}#if({_NO_STRING}{bounds})\n#set($wrong = true)\n#end\n"


def _length(value: str) -> str:
    """Sets ``$length`` of a value. Only a string has one; of anything else it keeps what it had, or has nothing."""
    return f'#set($length = -1)\n#set($length = {value}.length())\n#set($said = "$!length")\n'


_NO_STRING = "$said == '' || $said == '-1'"


_START = (
    """\
#set($detail = '')
#set($pointer = '#')
#set($status = 400)
#set($dollar = '$')
#set($list_of = '.events[')
#set($q = '"')
"""
    + TENANT_LINES
)


def _check() -> str:
    """Looks at ``$event``, whose JSON is ``$whole`` and whose fields are at ``$at``.

    Gives ``$detail``, empty when all is well, and ``$pointer``; else ``$document`` (the event's fields as JSON) and
    ``$key``.
    """
    every = fields()
    names = ", ".join(f"'{field.name}'" for field in every)
    refused = "".join(
        f"""\
#if($detail == '' && $event.containsKey('{name}'))
#set($pointer = "$where/{name}")
#set($detail = 'is not taken from a caller; leave it out')
#end
"""
        for name in NOT_TAKEN
    )
    return (
        f"""\
#if($detail == '' && !$whole.startsWith('{{'))
#set($detail = 'must be an object with the fields of an event')
#end
#if($detail == '')
#set($known = [{names}])
#set($document = '')
{refused}#foreach($name in $event.keySet())
#if($detail == '' && !$known.contains($name))
#if($name.matches('[A-Za-z0-9_.-]{{1,64}}'))
#set($pointer = "$where/$name")
#set($detail = 'is no field of an event; what is your own goes into context')
#else
#set($pointer = $where)
#set($detail = 'has a field that is none of an event, under a name of other characters than A-Z a-z 0-9 _ . -')
#end
#end
#end
"""
        + "".join(_look(field) for field in every)
        + """\
#set($key = "$prefix$event.get('content_id')")
#if($detail == '' && $key.length() > 128)
#set($pointer = "$where/content_id")
#set($detail = 'is too long with the name of the tenant before it; at most 128 characters')
#end
#set($author = "$prefix$event.get('author_id')")
#if($detail == '' && $author.length() > 128)
#set($pointer = "$where/author_id")
#set($detail = 'is too long with the name of the tenant before it; at most 128 characters')
#end
#set($parent = "$prefix$!event.get('parent_id')")
#if($detail == '' && $parent.length() > 128)
#set($pointer = "$where/parent_id")
#set($detail = 'is too long with the name of the tenant before it; at most 128 characters')
#end
#end
"""
    )


_OF_A_TENANT = ("content_id", "author_id", "parent_id")
"""Ids that are put after the tenant's name, so that one tenant's are never another's."""


def _look(field: Field) -> str:
    """Looks at one field, and adds it to the document."""
    value = f"$q$prefix$event.get('{field.name}')$q" if field.name in _OF_A_TENANT else "$raw"
    comma = "" if field.name == "schema_version" else ","
    missing = (
        f"""\
#elseif($detail == '')
#set($pointer = "$where/$f")
#set($detail = 'is needed; it must be {field.wanted}')
"""
        if field.required
        else ""
    )
    return f"""\
#set($f = '{field.name}')
#if($detail == '' && $event.containsKey($f))
#set($raw = $input.json("$at$f"))
#set($wrong = false)
{_judged(field)}#if($wrong)
#set($pointer = "$where/$f")
#set($detail = 'must be {field.wanted}')
#end
#set($document = "$document{comma}$q$f$q:{value}")
{missing}#end
"""


def _judged(field: Field) -> str:
    """Sets ``$wrong`` by ``$raw``, the JSON of the field's value."""
    match field.kind:
        case "pattern":
            longer = f" || $raw.length() > {field.longest + 2}" if field.longest else ""
            return f"#if(!$raw.matches('{field.pattern}'){longer})\n#set($wrong = true)\n#end\n"
        case "string":
            return _string(f"$event.get('{field.name}')", field)
        case "text":
            return _TEXT
        case "media":
            return _media()
    return _CONTEXT


_TEXT = f"""\
#set($text = $event.get('text'))
{_length("$event.get('text')")}#if({_NO_STRING})
#set($wrong = true)
#elseif($text == '' && "$!event.get('media')" == '')
#set($wrong = true)
#elseif($text.length() > {MAX_TEXT_BYTES // 4})
#set($bytes = $util.base64Encode($text))
#if($bytes.length() > {_WHOLE_GROUPS})
#set($wrong = true)
#elseif($bytes.length() == {_WHOLE_GROUPS} && !$bytes.endsWith('{_PADDING}'))
#set($wrong = true)
#end
#end
"""

_CONTEXT = f"""\
#set($context_of = $event.get('context'))
#if(!$raw.startsWith('{{'))
#set($wrong = true)
#elseif($context_of.size() > {MAX_CONTEXT})
#set($wrong = true)
#else
#foreach($name in $context_of.keySet())
{_length("$context_of.get($name)")}#if({_NO_STRING} || $length > 1024 || $name.length() > 128)
#set($wrong = true)
#end
#end
#end
"""


def _media() -> str:
    every = media_fields()
    known = ", ".join(f"'{field.name}'" for field in every)
    return f"""\
#if(!$raw.startsWith('['))
#set($wrong = true)
#elseif($event.get('media').size() > {MAX_MEDIA})
#set($wrong = true)
#elseif($event.get('text') == '' && $event.get('media').size() == 0)
#set($wrong = true)
#else
#set($of_media = [{known}])
#set($place = '.')
#set($open = '[')
#foreach($item in $event.get('media'))
#set($part = "$at$f$open$foreach.index]")
#set($json = $input.json($part))
#if(!$json.startsWith('{{'))
#set($wrong = true)
#else
#foreach($name in $item.keySet())
#if(!$of_media.contains($name))
#set($wrong = true)
#end
#end
{"".join(_of_media(field) for field in every)}#end
#end
#end
"""


def _of_media(field: Field) -> str:
    wrong = "#set($wrong = true)\n"
    if field.kind == "pattern":
        judged = f"#if(!$value.matches('{field.pattern}'))\n{wrong}#end\n"
    else:
        judged = _string(f"$item.get('{field.name}')", field)
    missing = f"#else\n{wrong}" if field.required else ""
    return f"""\
#if($item.containsKey('{field.name}'))
#set($name = '{field.name}')
#set($value = $input.json("$part$place$name"))
{judged}{missing}#end
"""


TAKEN_ONE = """\
#set($id = $context.requestOverride.path.content)
#set($context.responseOverride.header.Location = "$context.path/$id")
{"status": "accepted", "event_id": "$context.requestOverride.path.event", "content_id": "$id",
 "status_url": "$context.path/$id"}
"""
"""The answer when the stream has the event."""

_PROBLEM = """\
#set($code = "$!input.path('$.__type')")
#set($detail = "$!context.requestOverride.path.detail")
#if($detail != '')
#set($status = "$context.requestOverride.path.status")
#if($status == '403')
#set($context.responseOverride.status = 403)
#elseif($status == '413')
#set($context.responseOverride.status = 413)
#end
{"type": "about:blank", "title": "The request is refused", "status": $status, "detail": "$detail",
 "errors": [{"detail": "$detail", "pointer": "$context.requestOverride.path.pointer"}]}
"""

_UNAVAILABLE = f"""\
#elseif($code.contains('Throughput') || $code.contains('Throttl') || $code.contains('LimitExceeded'))
#set($context.responseOverride.status = 503)
#set($context.responseOverride.header.Retry-After = '{RETRY_SECONDS}')
{{"type": "about:blank", "title": "Service Unavailable", "status": 503,
 "detail": "There is more than the service takes at the moment; nothing was taken of this request. Send it again."}}
#else
#set($context.responseOverride.status = 502)
{{"type": "about:blank", "title": "Bad Gateway", "status": 502,
 "detail": "The service behind this address refused what it was asked; nothing is known to be taken. Send it again."}}
#end
"""

PROBLEM = _PROBLEM + _UNAVAILABLE
"""The answer when the service did not do what it was asked."""

PROBLEM_OF_MANY = (
    _PROBLEM
    + """\
#elseif("$!context.requestOverride.path.plan" != '' && !$context.requestOverride.path.plan.contains('+'))
#set($context.responseOverride.status = 400)
#set($comma = '')
{"type": "about:blank", "title": "The request is refused", "status": 400, "detail": "no event was taken",
 "errors": [
#foreach($one in $context.requestOverride.path.plan.split('~'))
#set($cut = $one.indexOf('|'))
#set($after = $cut + 1)
$comma{"detail": "$one.substring($after)", "pointer": "$one.substring(0, $cut)"}
#set($comma = ',')
#end
]}
"""
    + _UNAVAILABLE
)

TAKEN_MANY = """\
#set($records = $input.path('$.Records'))
#set($next = 0)
#set($comma = '')
#set($code = 202)
{"results": [
#foreach($one in $context.requestOverride.path.plan.split('~'))
#if($one == '+')
#set($error = "$!records.get($next).get('ErrorCode')")
#set($next = $next + 1)
#if($error == '')
$comma{"status": 202}
#else
#set($code = 207)
$comma{"status": 503, "problem": {"type": "about:blank", "title": "Service Unavailable", "status": 503,
 "detail": "the stream did not take it; send it again"}}
#end
#else
#set($code = 207)
#set($cut = $one.indexOf('|'))
#set($after = $cut + 1)
#set($detail = $one.substring($after))
$comma{"status": 400, "problem": {"type": "about:blank", "title": "The event is refused", "status": 400,
 "detail": "$detail", "errors": [{"detail": "$detail", "pointer": "$one.substring(0, $cut)"}]}}
#end
#set($comma = ',')
#end
]}
#set($context.responseOverride.status = $code)
"""
"""The answer for each of many events, in their order."""


def refused_words() -> Iterable[str]:
    """The words in which fields are described: none may hold what separates them on their way."""
    return [field.wanted for field in (*fields(), *media_fields())]
