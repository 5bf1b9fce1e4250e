"""`oncegate-node`: the command line of a department, for its nodes, its systems and its custodian.

One noun a file; `main` only registers. Reads have `--json`. Exit codes are in `nodes.cli.exits` and docs/cli-node.md.
"""
