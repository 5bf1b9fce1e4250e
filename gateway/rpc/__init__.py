"""The gRPC doors: transport limits, translation of messages and errors. No policy and no decisions live here."""
