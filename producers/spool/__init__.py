"""The spool: events that were accepted and are not yet in the stream, on disk."""
