"""Where the root key lives: an encrypted file (`file`) or a PKCS#11 token (`pkcs11`), behind one interface."""
