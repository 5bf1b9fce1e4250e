"""The pointer index: which node holds a record about whom, kept without any identifier."""
