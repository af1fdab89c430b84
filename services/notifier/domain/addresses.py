"""Which addresses of the directory are used as they stand, and which are not used at all."""

import re

# Plain ASCII addresses only: no quoting, no comments, nothing a header or an SMTP command could read otherwise.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*", re.ASCII
)
_ROOMS = frozenset({"channel", "here", "everyone", "all"})
_HANDLE = re.compile(r"@?([A-Za-z0-9][A-Za-z0-9._-]{0,79})", re.ASCII)


def usable_email(address: str) -> bool:
    """A plain ASCII address that no header can read as something else (RFC 5321 atoms, no encoded words)."""
    local, at, domain = address.rpartition("@")
    return (
        at == "@"
        and len(address) <= 254
        and "=?" not in address
        and _LOCAL.fullmatch(local) is not None
        and len(local) <= 64
        and _DOMAIN.fullmatch(domain) is not None
    )


def usable_handle(handle: str) -> str | None:
    """`@handle` of one person; None for what could be a room (`#general`), a group or a link."""
    match = _HANDLE.fullmatch(handle.strip())
    if match is None or match[1].lower() in _ROOMS:
        return None
    return f"@{match[1]}"
