"""Mapping templates that let pages of origins that the stack names read answers.

A preflight is answered by the gateway alone. What the gateway itself refuses (a key, a rate) a page cannot read: such
an answer may echo any origin or name one, and not choose.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-cors.html
"""

PREFLIGHT_SECONDS = 600

OPEN = """\
#set($origin = "$!input.params('Origin')")
#if($origin == '')
#set($origin = "$!input.params('origin')")
#end
#set($origins = ",$stageVariables.origins,")
#set($opened = false)
#if($origin.matches('https?://[A-Za-z0-9.:-]{1,255}') && $origins.contains(",$origin,"))
#set($opened = true)
#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#set($context.responseOverride.header.Access-Control-Expose-Headers = 'Location,Retry-After')
#set($context.responseOverride.header.Vary = 'Origin')
#end
"""
"""Lets a page of an origin that the stack names read an answer."""

PREFLIGHT = (
    OPEN
    + f"""\
#if($opened)
#set($context.responseOverride.header.Access-Control-Allow-Methods = 'GET,POST')
#set($context.responseOverride.header.Access-Control-Allow-Headers = 'authorization,content-type,x-api-key')
#set($context.responseOverride.header.Access-Control-Max-Age = '{PREFLIGHT_SECONDS}')
#else
#set($context.responseOverride.status = 403)
#end
"""
)
"""The answer to a page that asks whether it may ask."""
