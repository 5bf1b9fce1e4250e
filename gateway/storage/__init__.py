"""The gateway's database: opening it safely, its one migration history and its write transactions.

Knows nothing of what is stored: every capability keeps its own tables in its own `tables.py`.
"""
