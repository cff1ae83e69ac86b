"""Scoring by HTTP, without the HTTP: a request as values in, an answer as values out. Pure."""
