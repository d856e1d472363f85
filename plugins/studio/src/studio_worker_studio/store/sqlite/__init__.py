"""The studio's memory in one SQLite file: the default, for one server."""
