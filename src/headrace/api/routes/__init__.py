"""The routes of the native API: one class per kind of thing, each with the table of its operations."""
