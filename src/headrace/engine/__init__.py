"""What happens next: pure decisions over frozen messages and events (docs/engine.md)."""
