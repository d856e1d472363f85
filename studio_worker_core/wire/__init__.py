"""The wire contract: every message of the studio protocol as a msgspec struct.

One module per conversation; :mod:`.codec` turns bytes into structs and back.
"""
