"""Headrace: one durable workflow server behind four APIs."""

__version__ = "0.1.0"
