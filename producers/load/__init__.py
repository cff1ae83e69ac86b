"""Load on a stream by a schedule: what is sent, how it is measured, and how several processes share it."""
