"""The Data Flow Platform dialect: typed tasks as JSON, in both variants of its documentation."""
