"""The operator's log: one JSON object a line on standard error, with codes and names of systems, never identifiers."""

import logging
import sys

import structlog

from policies.plain import printable_json


def configure_logs(level: str) -> None:
    """Set up structlog for this process.

    Args:
        level: debug, info, warning or error.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=printable_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
