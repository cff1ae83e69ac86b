"""Running a deployed stack: the same on AWS and on the laptop runtime."""
