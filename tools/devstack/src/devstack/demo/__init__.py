"""`make demo`: drives the panel as the Inbox does, through every step, and judges by what reached the customer."""

from devstack.demo.runner import main

__all__ = ["main"]
