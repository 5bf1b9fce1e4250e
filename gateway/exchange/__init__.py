"""Use cases: what a system, a citizen, an auditor or an operator can have done, step by step."""
