"""Asks the log's witnesses to cosign its heads, and brings back those that enough of them have cosigned."""
