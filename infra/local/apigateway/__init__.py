"""API Gateway's REST APIs: an OpenAPI document with its extensions, served on the loopback port."""
