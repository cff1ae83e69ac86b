"""Mapping templates of what is read: one status, and what changed."""

from consumers.aws.sinks import EVERYBODY
from infra.content_api.templates import ID, RETRY_SECONDS, TENANT_LINES

CURSOR = "[0-9]{13}(-[0-9a-f]{32})?"
MAX_CHANGES = 100
CHANGES_RETRY_SECONDS = 5


def ask_status() -> str:
    """The request for the status of one piece of content, as Query; a status whose time is over is none."""
    return f"""\
#set($detail = '')
#set($status = 400)
{TENANT_LINES}#set($id = $util.urlDecode($input.params('id')))
#set($key = "$prefix$id")
#set($epoch = "$context.requestTimeEpoch")
#if($detail == '' && (!$id.matches('{ID}') || $key.length() > 128))
#set($detail = 'the id in the path must be 1 to 128 of A-Z a-z 0-9 . _ : @ -')
#end
#if($detail == '')
#set($context.requestOverride.path.content = $id)
{{"TableName": "$stageVariables.statuses", "KeyConditionExpression": "content_id = :id",
 "FilterExpression": "expires_at > :now",
 "ExpressionAttributeValues": {{":id": {{"S": "$key"}}, ":now": {{"N": "$epoch.substring(0, 10)"}}}}}}
#else
#set($context.requestOverride.path.detail = $detail)
#set($context.requestOverride.path.pointer = '/id')
#set($context.requestOverride.path.status = $status)
{{}}
#end
"""


STATUS = f"""\
#set($id = $context.requestOverride.path.content)
#if($input.path('$.Count') == 0)
#set($context.responseOverride.status = 202)
#set($context.responseOverride.header.Retry-After = '{RETRY_SECONDS}')
{{"content_id": "$id", "status": "pending", "kept_for": "$stageVariables.kept",
 "detail": "No decision is kept of this content: it is still to come, or none is kept of what is allowed."}}
#else
#set($at = $input.path('$.Items[0].decided_at.S'))
{{"content_id": "$id", "status": "decided", "action": $input.json('$.Items[0].action.S'),
 "labels": $input.json('$.Items[0].labels.L[*].S'), "event_id": $input.json('$.Items[0].event_id.S'),
 "verdict_id": $input.json('$.Items[0].verdict_id.S'),
 "policy": {{"id": $input.json('$.Items[0].policy_id.S'), "version": $input.json('$.Items[0].policy_version.S')}},
 "decided_at": "$at.replace(' ', 'T')Z"}}
#end
"""
"""The answer about a piece of content."""


def ask_changes() -> str:
    """The request for what changed after a place in the feed, as Query on the index of changes."""
    return f"""\
#set($detail = '')
#set($pointer = '/after')
#set($status = 400)
{TENANT_LINES}#set($feed = '{EVERYBODY}')
#if($tenant != '')
#set($feed = $tenant)
#end
#set($after = "$!input.params('after')")
#set($given = $input.params().querystring)
#if(!$given.containsKey('after'))
#set($after = '0000000000000')
#end
#set($limit = "$!input.params('limit')")
#if(!$given.containsKey('limit'))
#set($limit = '{MAX_CHANGES}')
#end
#if($detail == '' && !$after.matches('{CURSOR}'))
#set($detail = 'after must be what an answer called next, or milliseconds since 1970 in 13 digits')
#elseif($detail == '' && !$limit.matches('[1-9][0-9]?|{MAX_CHANGES}'))
#set($pointer = '/limit')
#set($detail = 'limit must be a whole number from 1 to {MAX_CHANGES}')
#end
#if($detail == '')
#set($epoch = "$context.requestTimeEpoch")
#set($context.requestOverride.path.after = $after)
{{"TableName": "$stageVariables.statuses", "IndexName": "changes", "Limit": $limit,
 "KeyConditionExpression": "feed = :feed AND changed BETWEEN :after AND :now",
 "FilterExpression": "expires_at > :second",
 "ExpressionAttributeValues": {{":feed": {{"S": "$feed"}}, ":after": {{"S": "$after "}}, ":now": {{"S": "$epoch"}},
  ":second": {{"N": "$epoch.substring(0, 10)"}}}}}}
#else
#set($context.requestOverride.path.detail = $detail)
#set($context.requestOverride.path.pointer = $pointer)
#set($context.requestOverride.path.status = $status)
{{}}
#end
"""


CHANGES = f"""\
{TENANT_LINES}#set($cut = $prefix.length())
#set($dollar = '$')
#set($items = '.Items[')
#set($comma = '')
#set($next = $context.requestOverride.path.after)
{{"changes": [
#foreach($one in $input.path('$.Items'))
#set($at = "$dollar$items$foreach.index].")
#set($next = $one.get('changed').get('S'))
#set($id = $one.get('content_id').get('S'))
#set($time = $one.get('decided_at').get('S'))
$comma{{"content_id": "$id.substring($cut)", "status": "decided", "action": $input.json("${{at}}action.S"),
 "labels": $input.json("${{at}}labels.L[*].S"), "event_id": $input.json("${{at}}event_id.S"),
 "verdict_id": $input.json("${{at}}verdict_id.S"),
 "policy": {{"id": $input.json("${{at}}policy_id.S"), "version": $input.json("${{at}}policy_version.S")}},
 "decided_at": "$time.replace(' ', 'T')Z"}}
#set($comma = ',')
#end
#set($last = "$!input.path('$.LastEvaluatedKey.changed.S')")
#set($more = false)
#if($last != '')
#set($next = $last)
#set($more = true)
#else
#set($context.responseOverride.header.Retry-After = '{CHANGES_RETRY_SECONDS}')
#end
], "next": "$next", "more": $more}}
"""
"""The answer about what changed, in the order in which it is to be told."""
