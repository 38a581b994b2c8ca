"""Who is connected: Intercom workspaces, their channels with sealed credentials, listeners; and what operators did."""

from directory.audit import Act, Audit, Detail
from directory.channels import Channels, ConnectedChannel
from directory.erasures import Erasures
from directory.errors import (
    ChannelTaken,
    DirectoryError,
    InvalidKey,
    NameTaken,
    NoVault,
    NumberTaken,
    SecretMismatch,
    SecretUnreadable,
    TextKeptLonger,
    UnknownChannel,
    UnknownWorkspace,
)
from directory.installs import Begun, Installs, Taken
from directory.listeners import Listener, Listeners
from directory.secrets import Vault
from directory.workspaces import Workspace, Workspaces
from runtime.migrations import Source

SOURCE = Source("directory", "directory")
"""The schema of this package and where its migrations are."""

__all__ = [
    "SOURCE",
    "Act",
    "Audit",
    "Begun",
    "ChannelTaken",
    "Channels",
    "ConnectedChannel",
    "Detail",
    "DirectoryError",
    "Erasures",
    "Installs",
    "InvalidKey",
    "Listener",
    "Listeners",
    "NameTaken",
    "NoVault",
    "NumberTaken",
    "SecretMismatch",
    "SecretUnreadable",
    "Taken",
    "TextKeptLonger",
    "UnknownChannel",
    "UnknownWorkspace",
    "Vault",
    "Workspace",
    "Workspaces",
]
