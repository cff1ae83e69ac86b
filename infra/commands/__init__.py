"""The commands of ``streamkeeper``, one module each."""

COMMANDS = {
    "demo": "Run the whole pipeline once on this machine, and show what became of every record.",
    "up": "Keep the laptop runtime running; prints how to reach it.",
    "status": "Show what is in flight in the laptop runtime, and what it waits for.",
    "drain": "Land now what is in flight in the laptop runtime.",
    "down": "Stop the laptop runtime.",
    "explain": "Say why a shard does not move, on AWS too.",
    "logs": "Show what a function writes, on AWS too.",
    "pause": "Stop moderation without losing a record; the stream keeps what comes.",
    "resume": "Go on with moderation where it was paused.",
    "check": "Name dangerous settings of a SAM or CloudFormation template.",
    "produce": "Put content on the stream, from files or made up.",
    "load": "Load-test the stream: a rate that follows a shape, with gates.",
    "replay": "Send again what was on the stream: no duplicates, no notifications.",
    "redrive": "Send quarantined records and dead letters through the stream again.",
    "spool": "Look at, or send, events accepted on disk that are not yet in the stream.",
    "serve": "Score texts by HTTP, in Perspective's form and in a plain one.",
    "policy": "Check, show, test, compare and publish policies.",
    "evaluate": "Measure a policy against labelled texts, with intervals.",
    "train": "Train weights for the linear model from labelled texts.",
    "cost": "Say what the stack costs in a month, what to change first, and what breaks first.",
    "query": "Run one SQL statement on Athena.",
    "audit": "Check that everything that arrived is accounted for, by id.",
    "report": "Answer a ready-made question: trends, labels, rules, authors, spikes, latency, load.",
    "dashboard": "Show the reports as pages in the browser, or write them as files.",
}
"""Each command, and what it does in a line."""
