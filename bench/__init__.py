"""Measures Headrace beside its peers: `make bench`, or `python -m bench --help` for a part of it.

What is measured and how a figure is to be read stands in `docs/performance.md`.
"""
