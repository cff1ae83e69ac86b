"""The webhook: verdicts other than allow are delivered to subscribers, and what they answer lands."""
