"""The contracts: every event Waystone reads or writes, as strict pydantic models, and what each topic promises."""
