"""The smallest service there can be, to see how a process of the plumbing starts, serves and ends."""
