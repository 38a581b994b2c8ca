"""Who is connected: Intercom workspaces, their channels with sealed credentials, and listeners."""

from directory.channels import Channels, ConnectedChannel
from directory.errors import (
    ChannelTaken,
    DirectoryError,
    InvalidKey,
    NameTaken,
    NoVault,
    SecretMismatch,
    SecretUnreadable,
    UnknownChannel,
    UnknownWorkspace,
)
from directory.listeners import Listener, Listeners
from directory.secrets import Vault
from directory.workspaces import Workspace, Workspaces
from runtime.migrations import Source

SOURCE = Source("directory", "directory")
"""The schema of this package and where its migrations are."""

__all__ = [
    "SOURCE",
    "ChannelTaken",
    "Channels",
    "ConnectedChannel",
    "DirectoryError",
    "InvalidKey",
    "Listener",
    "Listeners",
    "NameTaken",
    "NoVault",
    "SecretMismatch",
    "SecretUnreadable",
    "UnknownChannel",
    "UnknownWorkspace",
    "Vault",
    "Workspace",
    "Workspaces",
]
