"""What was set aside brought back: quarantined records and dead letters, claimed, fixed, and put on the stream."""
