"""What we ask of Intercom, and how its requests to us are recognised."""

from intercom_api.client import REGIONS, Intercom, inbox_url
from intercom_api.errors import (
    IntercomError,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unreachable,
)
from intercom_api.models import Admin, Contact, Conversation, Identity
from intercom_api.oauth import AUTHORIZE, exchange_code
from intercom_api.signature import signature_is_valid

__all__ = [
    "AUTHORIZE",
    "REGIONS",
    "Admin",
    "Contact",
    "Conversation",
    "Identity",
    "Intercom",
    "IntercomError",
    "NoAnswer",
    "NotFound",
    "RateLimited",
    "Refused",
    "Unauthorized",
    "Unreachable",
    "exchange_code",
    "inbox_url",
    "signature_is_valid",
]
