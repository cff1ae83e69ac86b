"""``make quality``: what the default policy finds in real texts, and what it misses, in one table."""
