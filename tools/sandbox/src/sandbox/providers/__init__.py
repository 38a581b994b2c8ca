"""The fake providers: one file each, listed in registry.py."""
