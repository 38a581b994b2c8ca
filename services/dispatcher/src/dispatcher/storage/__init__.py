"""The dispatcher's own tables: schema `dispatch`."""

from runtime.migrations import Source

SOURCE = Source("dispatch", "dispatcher.storage")
