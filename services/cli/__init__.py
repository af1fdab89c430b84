"""The `waystone` command: one file per group of commands, folders for what feeds them."""
