"""Detection of misuse in the access log: rules over reads, alerts that explain themselves, and the lists they use."""
