"""Who may do what: AWS's evaluation of policies, the rights that each call needs, and those that a stack grants."""
