"""What is remembered: journal, projections for queries, definitions, deliveries, tokens and secrets.

`protocol` and `rows` are what the rest of the house may know; `sqlite` is the embedded store.
Events are opaque bytes here: this room must never know what they mean.
"""
