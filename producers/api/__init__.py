"""Content sent in by HTTP, and asked about: a client for programs, and the API as delivery sees a stream."""
