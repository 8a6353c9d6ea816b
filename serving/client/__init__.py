"""A client of model servers, for REST and gRPC.

Importing it loads neither TensorFlow nor numpy; the first call loads what it
needs.
"""

from ..model_info import Signature, TensorInfo, VersionStatus
from .client import Client
from .errors import (
    ConnectionFailed,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    ServerError,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)

__all__ = [
    "Client",
    "ConnectionFailed",
    "DeadlineExceeded",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "ResourceExhausted",
    "ServerError",
    "Signature",
    "TensorInfo",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "VersionStatus",
]
