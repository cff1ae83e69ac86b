"""What people do with policies: check, look at, try and compare them, and bring them to where consumers read them."""
