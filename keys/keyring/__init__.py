"""Versioned secrets: in memory (`keyring`) and in an encrypted file (`file`)."""
