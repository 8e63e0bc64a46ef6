"""The Data Flow Platform dialect: typed tasks as JSON, in both variants of its documentation."""

from __future__ import annotations

from headrace.dialects.dataflow.dialect import DataflowDialect

dialect = DataflowDialect()
"""What the entry point names."""
