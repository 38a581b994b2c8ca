"""Intercom's Canvas Kit: what it sends, and the twelve component types that it draws, strictly."""
