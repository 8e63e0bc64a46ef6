"""The wire languages: each folder reads one into our model and answers in its words.

The dialects are strangers to each other, and only the `routes.py` of each knows the web framework
and the orchestrator.
"""
