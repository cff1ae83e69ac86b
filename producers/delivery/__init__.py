"""From records to the stream: batching, pace, aggregation, spool, retries and the account of it."""
