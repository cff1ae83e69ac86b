"""Real clients against a running laptop runtime, told by configuration alone where it is: `make test-clients`."""
