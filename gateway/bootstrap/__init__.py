"""Wiring, done once by plain constructor calls.

From settings and keyring to a gateway that serves (`serving`), or to the offline parts that the operator's commands use
(`offline`). Nothing is imported here, so that a command loads only what it needs.
"""
