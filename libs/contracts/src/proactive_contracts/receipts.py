"""What comes back from outside: a provider's receipts, customers' replies, teammates' answers in Intercom."""

from enum import StrEnum
from uuid import UUID

from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import (
    Channel,
    LongText,
    Model,
    Moment,
    Word,
    Words,
    WorkspaceId,
)


class ReceiptStatus(StrEnum):
    """
    What a provider says of a message that it took.

    `failed`: it was refused before it was handed on; `undelivered`: after that.
    """

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


class DeliveryReported(Model):
    """
    A provider's receipt. message_id is there where the provider echoes it.

    Where a provider reports each part of a text, a part that failed has the reason `partial`, whatever is said of the
    other parts; a part that arrived is reported as the message.
    """

    message_id: UUID | None = None
    workspace_id: WorkspaceId
    channel: Channel
    channel_id: UUID
    provider: Word
    provider_message_id: Word
    status: ReceiptStatus
    reason: FailureReason | None = None
    provider_code: Word | None = None
    detail: Words | None = None
    reported_at: Moment


class ReplyReceived(Model):
    """A customer wrote back. message_id is there where the provider says which message they answer."""

    message_id: UUID | None = None
    workspace_id: WorkspaceId
    channel: Channel
    channel_id: UUID
    provider: Word
    provider_message_id: Word
    sender: Word
    text: LongText | None = None
    received_at: Moment


class TeammateReplied(Model):
    """A teammate answered in an Intercom conversation that a message had opened."""

    workspace_id: WorkspaceId
    conversation_id: Word
    part_id: Word
    admin_id: Word
    text: LongText
    replied_at: Moment
