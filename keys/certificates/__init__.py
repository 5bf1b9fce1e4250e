"""Identities of nodes, systems and the gateway: SPIFFE ids, the certificate authority, signing requests."""
