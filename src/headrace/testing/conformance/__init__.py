"""One suite per seam: whoever writes a store, a runtime or a dialect runs ours against it.

A suite is a class; a subclass named `Test…` gives the one fixture that its docstring asks for.
These modules need pytest and pytest-asyncio.
"""
