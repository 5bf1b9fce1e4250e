"""Who is who: departments, certificates of nodes and systems, enrolment, and people's tokens."""
