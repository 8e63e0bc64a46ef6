"""Files and large values, kept by the SHA-256 of their content, outside the journal.

`protocol` is what the rest of the house may know; `directory` keeps them on this machine.
This room must never know who refers to an artifact.
"""
