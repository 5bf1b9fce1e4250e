"""An auditor's review of the log: search, statistics, and the formats in which a search is taken along.

Rules kept here: what is derived from the log for speed is never believed: every entry that is shown was opened, fits
its leaf hash and was held against the search again. Work is bounded by budgets and not by the size of the log.
"""
