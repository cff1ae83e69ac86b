"""Kinesis Data Streams: shards, routing, limits, iterators, resharding, and the API over them."""
