"""Everybody who is measured, each in a process of its own.

`python -m bench.contestants NAME DIRECTORY [DATABASE]` opens one of them.
A contestant is asked through `bench.stage`, and uses what it is made of as its documentation says, with the
durable settings that are its defaults.
"""
