"""Which addresses of the directory are used as they stand, and which are not used at all."""

import re

# Plain ASCII addresses only: no quoting, no comments, nothing a header or an SMTP command could read otherwise.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*", re.ASCII
)
# Names by which chats call many people at once, and of the rooms they come with.
_ROOMS = frozenset(
    {"all", "channel", "everyone", "general", "group", "here", "random", "team", "town-square"}
)
_HANDLE = re.compile(r"@?([A-Za-z0-9][A-Za-z0-9._-]{0,79})", re.ASCII)
# What Slack writes for things: U and W are people; channels, groups, group messages and user groups are not.
_MEMBER_ID = re.compile(r"[UW][A-Z0-9]{8,20}", re.ASCII)
_OTHER_ID = re.compile(r"@?[CDGST][A-Z0-9]*[0-9][A-Z0-9]*", re.ASCII)


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
    """A Slack member id as it stands, else `@handle`; None for what could be a room (`#general`), a group or a link.

    A name is one person's only as far as the directory keeps groups out: that a `@name` is no user group nobody can
    tell from here. A member id cannot be anything else.
    """
    name = handle.strip()
    if _MEMBER_ID.fullmatch(name):
        return name
    match = _HANDLE.fullmatch(name)
    if match is None or match[1].lower() in _ROOMS or (len(name) >= 9 and _OTHER_ID.fullmatch(name)):
        return None
    return f"@{match[1]}"
