"""A group of people and something hostile said of it, told from what is denied, quoted or said of oneself."""
