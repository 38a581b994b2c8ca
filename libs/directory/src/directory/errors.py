"""
What the directory refuses or cannot tell.

    DirectoryError
    ├── UnknownWorkspace    no such workspace is connected
    ├── UnknownChannel      no such channel is connected
    ├── ChannelTaken        the channel's id belongs to another workspace
    ├── NameTaken           another channel of the workspace has this name
    ├── NumberTaken         the provider's callbacks could not tell the channel from another one
    ├── TextKeptLonger      texts would be kept longer than the messages that they belong to
    └── SecretError         a secret cannot be sealed or opened
        ├── InvalidKey          a key of the vault is no Fernet key
        ├── NoVault             this process was given no keys
        ├── SecretUnreadable    none of the keys opens it, or it is damaged
        └── SecretMismatch      it was sealed for another row
"""


class DirectoryError(Exception):
    """The text is for operators: what, which one, what to do. It never holds a secret."""


class UnknownWorkspace(DirectoryError):
    """No such workspace is connected."""


class UnknownChannel(DirectoryError):
    """No such channel is connected."""


class ChannelTaken(DirectoryError):
    """The channel's id belongs to another workspace; it is never moved."""


class NameTaken(DirectoryError):
    """Another channel of the same workspace has this name."""


class TextKeptLonger(DirectoryError, ValueError):
    """Texts of a workspace would be kept longer than the messages that they belong to."""


class NumberTaken(DirectoryError):
    """An enabled channel, of whatever workspace, has what the provider's callbacks tell channels apart by."""


class SecretError(DirectoryError):
    """A secret cannot be sealed or opened."""


class InvalidKey(SecretError):
    """A key of the vault is no Fernet key."""


class NoVault(SecretError):
    """This process was given no keys, so it cannot read or write secrets of this kind."""


class SecretUnreadable(SecretError):
    """None of the keys opens it, or it is damaged."""


class SecretMismatch(SecretError):
    """It was sealed for another row: somebody copied or swapped columns."""
