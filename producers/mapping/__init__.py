"""From a data set's rows to events: which column is what, and whether an event can be accepted."""
