"""One servicer a file: translates messages to use cases and back, and decides nothing."""
