"""What was asked: definitions in our own model, and what can be said of them without running them."""
