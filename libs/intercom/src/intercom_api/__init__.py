"""What we ask of Intercom, and how its requests to us are recognised."""

from intercom_api.client import REGIONS, Intercom
from intercom_api.errors import (
    IntercomError,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unreachable,
)
from intercom_api.models import Admin, Contact, Identity
from intercom_api.signature import signature_is_valid

__all__ = [
    "REGIONS",
    "Admin",
    "Contact",
    "Identity",
    "Intercom",
    "IntercomError",
    "NoAnswer",
    "NotFound",
    "RateLimited",
    "Refused",
    "Unauthorized",
    "Unreachable",
    "signature_is_valid",
]
