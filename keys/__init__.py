"""Everything that touches secrets: signing, sealing, tokens, certificates, keyring, field encryption, log proofs."""
