"""A task type for Headrace, as a package of its own."""
