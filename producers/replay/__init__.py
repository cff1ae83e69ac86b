"""Replay: what was on the stream, read from the archive or the stream, and put there again."""
