"""What content is, and what a policy says to it: text in, verdict out. Pure: no clock, no disk, no network."""
