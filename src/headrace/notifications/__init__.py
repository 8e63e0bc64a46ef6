"""Who else is told: deliveries to receivers outside, sent from the store's outbox until they arrive.

What is told, and to whom, is the dialects' affair; this room only sends what a commit left in the outbox.
"""
