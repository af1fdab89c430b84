"""The three services, the plumbing they share and the command line."""
