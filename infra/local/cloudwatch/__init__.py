"""CloudWatch on a laptop: metrics as the services emit them, metric math, and alarms that are evaluated."""
