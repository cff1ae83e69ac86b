"""The event source mapping: from shards to invocations, with partial failures, bisecting, retries and destinations."""
