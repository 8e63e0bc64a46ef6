"""The native API under `/v1`, and what all doors share: the application, its guards, its server."""
