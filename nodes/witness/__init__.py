"""`oncegate-witness`: an independent process that cosigns an access log's heads, so that nobody can show two histories.

Any department or auditor runs one, on a machine that the gateway's operator does not run. It keeps, for each log that
it was told to follow, the newest head that it cosigned, and cosigns only what continues it
(https://c2sp.org/tlog-witness). It sees heads and hashes, never an entry.

It stands alone: keys and the standard library, nothing of a node, nothing of the gateway.
"""
