"""What keeps strangers' input, secrets and outgoing requests within bounds.

Guarded reading of documents, tokens, Host and Origin rules, secrets at rest, redaction, the egress guard.
This room knows nothing of executions, HTTP routes or settings: it takes plain parameters and gives verdicts.
"""
