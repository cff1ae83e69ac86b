"""What every command shares: errors and exit codes, moments, safe text, signals and progress."""
