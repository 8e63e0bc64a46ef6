"""Where jobs run: one protocol, and a runtime for every kind of machine."""
