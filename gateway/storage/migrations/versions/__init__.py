"""The revisions, oldest first; written by `python -m gateway.storage.regenerate`."""
