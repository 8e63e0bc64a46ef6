"""How bodies, ranges, downloads, log texts and event streams are read and answered, for every door.

Knows HTTP and the files behind an answer; never a dialect, a route or an execution.
"""
