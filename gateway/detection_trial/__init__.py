"""A simulated city, to measure detection: months of reads with planted misuse and with what only looks like it.

Rules kept here: the engine of `gateway.detection` cannot import anything from here (an import contract), and what is
planted reaches it as reads and reviews alone, in the words that honest reads have too.
"""
