"""The person page: server-rendered, self-contained, opened by a signed link."""
