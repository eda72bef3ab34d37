"""The keyword blocklist and its matcher."""
