"""The audit: what the archive holds against what landed, by id: missing, doubled, altered, made up."""
