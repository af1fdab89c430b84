"""`waystone demo`: everything on this machine, with a made-up company or a git repository, checked by its figures."""
