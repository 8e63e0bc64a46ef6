"""The AkoFlow dialect: scientific workflows of shell activities, written as YAML."""

from __future__ import annotations

from headrace.dialects.akoflow.dialect import AkoflowDialect

dialect = AkoflowDialect()
"""What the entry point names."""
