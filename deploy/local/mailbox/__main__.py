"""`python -m deploy.local.mailbox`: serve until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
from pathlib import Path

import uvicorn

from deploy.local.mailbox.smtp import serve_smtp
from deploy.local.mailbox.store import Mailbox
from deploy.local.mailbox.web import create_app
from deploy.local.ports import LOOPBACK, free_port


def listen(port: int) -> socket.socket:
    """Return a socket listening on a loopback port; 0 chooses a free one."""
    return socket.create_server((LOOPBACK, port or free_port()), backlog=128)


async def serve(smtp_port: int, http_port: int, announce: Path | None) -> None:
    """Serve SMTP and HTTP on loopback; write the URLs as JSON to `announce` once both are open."""
    mailbox = Mailbox()
    smtp_listener, http_listener = listen(smtp_port), listen(http_port)
    smtp = await serve_smtp(mailbox, smtp_listener)
    ports = {"smtp_port": smtp_listener.getsockname()[1], "http_port": http_listener.getsockname()[1]}
    urls = {
        "smtp_url": f"smtp://{LOOPBACK}:{ports['smtp_port']}",
        "http_url": f"http://{LOOPBACK}:{ports['http_port']}",
    }
    if announce is not None:
        unfinished = announce.with_name(f"{announce.name}.unfinished")
        unfinished.write_text(json.dumps({**ports, **urls, "pid": os.getpid()}))
        unfinished.rename(announce)
    config = uvicorn.Config(create_app(mailbox), log_level="warning", access_log=False, lifespan="off")
    try:
        await uvicorn.Server(config).serve(sockets=[http_listener])
    finally:
        smtp.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=0, help="port for mail; 0 chooses a free one")
    parser.add_argument("--http-port", type=int, default=0, help="port for the pages; 0 chooses a free one")
    parser.add_argument("--announce", type=Path, help="file to write ports and URLs to, as JSON")
    wanted = parser.parse_args()
    asyncio.run(serve(wanted.smtp_port, wanted.http_port, wanted.announce))


if __name__ == "__main__":
    main()
