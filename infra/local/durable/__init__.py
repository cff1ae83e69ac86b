"""What outlives the laptop runtime: one folder, one owner, one store that is always a prefix of what happened."""
