"""The laptop runtime: a twin of the AWS services the pipeline stands on, in one process on one loopback port."""
