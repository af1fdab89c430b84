"""`waystone export`: everything the three services hold about one person, for the person."""
