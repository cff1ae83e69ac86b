"""How a stack is deployed, looked at and destroyed, on AWS and on the laptop runtime alike."""
