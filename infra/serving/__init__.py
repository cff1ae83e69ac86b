"""The scoring service as processes on this machine: server, keys, quotas, metrics, logs."""
