"""The task library: typed functions that workflows call by name.

`library` finds them, `calling` runs one, `worker` runs one in a process of its own;
every other file is a family of task types or what these stand on.
"""
