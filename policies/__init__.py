"""Who may have what, in which form, and why not: vocabulary, agreements, rules and the engine that decides.

Rules kept here: this package is pure. It opens no socket and no database, reads no clock (time is an argument), and
imports neither the gateway, nor nodes, nor `keys`. It never puts an identifier or a value into an error.

What it does not do: it does not find agreements, count uses or check signatures; its callers do.
"""
