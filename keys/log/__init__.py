"""The access log's mathematics: RFC 6962 trees, C2SP signed notes and checkpoints, salted leaf commitments."""
