"""Policy: bundles of rules as they were handed in, and which of them is in force."""
