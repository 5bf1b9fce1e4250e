"""The vault: a person's own entered-once fields, each encrypted under a key of that person."""
