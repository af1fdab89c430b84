"""A letter as a mail: text and HTML of equal content, with headers that no text can break out of."""

import textwrap
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import mrml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notifier.channels import Parcel
from services.notifier.letter import one_line

TEXT_CHARS_PER_LINE = 72
_TEMPLATES = Path(__file__).parents[1] / "templates"
# Above this share of bytes beyond ASCII, base64 is shorter than quoted-printable.
_BASE64_FROM = 1 / 6


class MailWriter:
    """Writes mails from one sender. The layout is turned into HTML once: people's text never passes through it."""

    def __init__(self, sender: str, sender_name: str) -> None:
        """sender: a plain address. sender_name: shown beside it."""
        self._from = _address(sender, sender_name)
        self._domain = sender.rpartition("@")[2]
        # Text is data for the templates, never a template: both are files of ours.
        pages = Environment(autoescape=True, undefined=StrictUndefined)
        layout = (_TEMPLATES / "letter.mjml").read_text(encoding="utf-8")
        self._html = pages.from_string(mrml.to_html(layout).content)
        texts = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=False,  # noqa: S701 - plain text
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        texts.filters["wrapped"] = wrapped
        self._text = texts.get_template("letter.txt")

    def message_id(self, parcel: Parcel) -> str:
        """The Message-ID: the same at every repeat, so that a mail program can tell."""
        return f"<{parcel.message}@{self._domain}>"

    def write(self, parcel: Parcel, date: datetime) -> bytes:
        """The mail as SMTP takes it: CRLF, ASCII only, lines under 998 bytes."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._from
        mail["To"] = _address(parcel.address)
        if parcel.reply_to is not None:
            mail["Reply-To"] = _address(parcel.reply_to)
        mail["Subject"] = header_text(parcel.letter.subject)
        mail["Date"] = format_datetime(date)
        mail["Message-ID"] = self.message_id(parcel)
        mail["Auto-Submitted"] = "auto-generated"
        content = {
            "letter": parcel.letter,
            "page_url": parcel.page_url,
            "sender_name": self._from.display_name,
        }
        _add(mail, self._text.render(content), "plain")
        _add(mail, self._html.render(content), "html")
        return mail.as_bytes()


def header_text(text: str) -> str:
    """Text as a header may carry it: one line, and nothing that a parser would decode into another header.

    The standard library decodes encoded words (`=?utf-8?q?=0A…?=`) in what it is given, line breaks included.
    """
    return one_line(text).replace("=?", "= ?").replace("?=", "? =")


def wrapped(line: str, indent: int = 0) -> str:
    """One line of text as lines of at most 72 characters, where there are spaces to break it at."""
    space = " " * indent
    if len(line) + indent <= TEXT_CHARS_PER_LINE:
        return f"{space}{line}" if line else ""
    return textwrap.fill(
        line,
        TEXT_CHARS_PER_LINE,
        initial_indent=space,
        subsequent_indent=space,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )


def _address(address: str, name: str = "") -> Address:
    return Address(display_name=header_text(name), addr_spec=address)


def _add(mail: EmailMessage, text: str, subtype: str) -> None:
    data = text.encode()
    beyond_ascii = sum(byte > 127 for byte in data)
    encoding = "base64" if beyond_ascii > _BASE64_FROM * len(data) else "quoted-printable"
    add = mail.set_content if subtype == "plain" else mail.add_alternative
    add(text, subtype=subtype, charset="utf-8", cte=encoding)
