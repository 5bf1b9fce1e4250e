"""`oncegate demo`: the whole story on one machine, with real processes, sockets, databases and keys."""
