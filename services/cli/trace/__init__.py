"""`waystone trace`: what became of an event, across the three services."""
