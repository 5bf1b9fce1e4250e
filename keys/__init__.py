"""Everything that touches secrets: signing, sealing, tokens, certificates, keyring, field encryption, the log's proofs."""
