"""What the audit office's own system does about relations between officials and persons."""
