"""A department's resource node: its sources, its own rules, its index changes and its receipts.

Everything here works on plain data and knows nothing of the wire: `nodes.link` carries it.
"""
