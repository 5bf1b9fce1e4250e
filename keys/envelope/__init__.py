"""Encryption of single profile fields, in suites that can be read side by side. Start at `keys.envelope.fields`."""

from keys.envelope.fields import FieldCipher, open_field, seal_field
from keys.envelope.header import Suite, key_id_of, suite_of

__all__ = ["FieldCipher", "Suite", "key_id_of", "open_field", "seal_field", "suite_of"]
