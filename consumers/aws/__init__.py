"""The consumer on AWS: Lambda handlers, their settings, and the services they call."""
