"""The wire languages: each folder reads one into our model and answers in its words.

The dialects are strangers to each other, and in each only `routes.py` knows the web framework and the orchestrator.
"""
