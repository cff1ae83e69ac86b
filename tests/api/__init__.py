"""The content API under schemathesis."""
