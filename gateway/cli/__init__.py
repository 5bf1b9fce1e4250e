"""The `oncegate` command: for the gateway's operator, for auditors, and (`oncegate me`) for citizens."""
