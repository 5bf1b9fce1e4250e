"""The catalogue: what can be asked for, and which node answers for it."""
