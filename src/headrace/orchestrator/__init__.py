"""The loop: messages are decided, events committed, commands performed; and the use cases around it."""
