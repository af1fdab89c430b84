"""Apache Kafka on the local JVM: one or three nodes, each broker and controller at once (KRaft)."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from deploy.local.errors import StackError
from deploy.local.folder import RunFolder
from deploy.local.guarded import GuardedProcess
from deploy.local.java import fetch_jars, find_java
from deploy.local.ports import LOOPBACK

LOG4J2 = Path(__file__).with_name("log4j2.properties")
HEAP = "-Xmx512m"
MESSAGE_BYTES_MAX = (
    2 * 1024 * 1024
)  # an input of 1 MiB, 64 KiB of DLQ headers, and room for the batch around it
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 20.0
LOOK_EVERY_S = 0.1


class KafkaCluster:
    """Brokers numbered from 1, on ports that stay theirs over kill, stop and start."""

    def __init__(self, folder: RunFolder, brokers: int = 1, announce: Callable[[str], None] = print) -> None:
        """Prepare `brokers` nodes (1 or 3) in `<run folder>/kafka`; nothing runs until `start`."""
        if brokers not in (1, 3):
            raise ValueError("brokers is 1 or 3")
        self.brokers = range(1, brokers + 1)
        self._folder = folder
        self._announce = announce
        self._root = folder.path / "kafka"
        self._ports = {broker: folder.port(f"kafka-{broker}") for broker in self.brokers}
        self._controller_ports = {
            broker: folder.port(f"kafka-{broker}-controller") for broker in self.brokers
        }
        self._processes: dict[int, GuardedProcess] = {}
        self._wanted: set[int] = set()
        self._java = ""
        self._jars = Path()

    @property
    def bootstrap_servers(self) -> str:
        """All brokers, comma-separated."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self._ports.values())

    @property
    def pids(self) -> dict[int, int]:
        """Process id of each running broker."""
        return {broker: process.pid for broker, process in self._processes.items() if process.running}

    async def start(self) -> None:
        """Format the storage (the first time), start every broker, and wait until all of them answer.

        Raises StackError (JAVA_MISSING, JAVA_TOO_OLD, MAVEN_MISSING, MAVEN_FAILED, START_FAILED).
        """
        self._java = await asyncio.to_thread(find_java)
        self._jars = await fetch_jars(self._announce)
        if not (self._root / "formatted").exists():
            await self._format()
        for broker in self.brokers:
            self._launch(broker)
        await self._wait_until_answering()

    async def stop(self) -> None:
        """Stop every broker; at once where the data are not kept anyway."""
        for broker in self.brokers:
            if broker in self._processes and self._processes[broker].running:
                self._processes[broker].send("TERM" if self._folder.persistent else "KILL")
        await asyncio.gather(*(self.stop_broker(broker) for broker in self.brokers))

    async def kill_broker(self, broker: int) -> None:
        """SIGKILL one broker; on return it has ended."""
        self._wanted.discard(broker)
        await self._processes[broker].stop("KILL", STOP_TIMEOUT_S)

    async def stop_broker(self, broker: int) -> None:
        """SIGTERM one broker, SIGKILL after STOP_TIMEOUT_S; on return it has ended."""
        self._wanted.discard(broker)
        if broker in self._processes:
            await self._processes[broker].stop("TERM", STOP_TIMEOUT_S)

    async def start_broker(self, broker: int) -> None:
        """Start one broker again, on its port and data, and wait until every running broker answers."""
        if self._processes[broker].running:
            raise ValueError(f"broker {broker} is running")
        self._launch(broker)
        await self._wait_until_answering()

    def _node_folder(self, broker: int) -> Path:
        return self._root / f"broker-{broker}"

    async def _format(self) -> None:
        voters = {
            broker: f"{broker}@{LOOPBACK}:{self._controller_ports[broker]}:{_uuid()}"
            for broker in self.brokers
        }
        cluster_id = _uuid()
        for broker in self.brokers:
            self._node_folder(broker).mkdir(parents=True, exist_ok=True)
            (self._node_folder(broker) / "server.properties").write_text(self._properties(broker))
        arguments = ["format", "--ignore-formatted", "--cluster-id", cluster_id]
        arguments += ["--initial-controllers", ",".join(voters.values()), "--config"]
        formats = [
            GuardedProcess(
                f"formatting Kafka's storage {broker}",
                self._command(broker, "kafka.tools.StorageTool", *arguments, self._config(broker)),
                log=self._node_folder(broker) / "format.log",
                farewell="KILL",
                keep_open=[self._folder.lock_fd],
            )
            for broker in self.brokers
        ]
        await asyncio.gather(*(process.finish(START_TIMEOUT_S) for process in formats))
        for process in formats:
            if process.status != 0:
                raise process.failure()
        (self._root / "formatted").write_text(f"{cluster_id}\n")

    def _launch(self, broker: int) -> None:
        self._wanted.add(broker)
        self._processes[broker] = GuardedProcess(
            f"Kafka broker {broker}",
            self._command(broker, "kafka.Kafka", self._config(broker)),
            log=self._node_folder(broker) / "output.log",
            farewell="KILL",  # its log is made to be recovered, and waiting for a quorum that is gone takes long
            keep_open=[self._folder.lock_fd],
        )

    def _config(self, broker: int) -> str:
        return str(self._node_folder(broker) / "server.properties")

    def _command(self, broker: int, main_class: str, *arguments: str) -> list[str]:
        # The serial collector starts quickest and leaves the machine's cores to what is being tested.
        return [
            self._java,
            HEAP,
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile={LOG4J2.as_uri()}",
            f"-Dwaystone.log={self._node_folder(broker) / 'kafka.log'}",
            "-cp",
            f"{self._jars}/*",
            main_class,
            *arguments,
        ]

    def _properties(self, broker: int) -> str:
        copies = min(3, len(self.brokers))
        in_sync = min(2, copies)
        listener, controller = self._ports[broker], self._controller_ports[broker]
        controllers = ",".join(f"{LOOPBACK}:{port}" for port in self._controller_ports.values())
        settings: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": broker,
            "controller.quorum.bootstrap.servers": controllers,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "BROKER",
            "listeners": f"BROKER://{LOOPBACK}:{listener},CONTROLLER://{LOOPBACK}:{controller}",
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._node_folder(broker) / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 100,
            "message.max.bytes": MESSAGE_BYTES_MAX,
            "replica.fetch.max.bytes": MESSAGE_BYTES_MAX,
            "log.retention.ms": -1,
            "log.index.size.max.bytes": 1024 * 1024,  # preallocated per partition; ten times that by default
            "log.cleaner.dedupe.buffer.size": 32 * 1024 * 1024,  # a quarter of the heap by default
            "num.network.threads": 2,
            "num.io.threads": 4,
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 4000,  # a killed broker may register again only after this
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    async def _wait_until_answering(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self._all_answer():
            for broker in self._wanted:
                if not self._processes[broker].running:
                    raise self._processes[broker].failure()
            if time.monotonic() > deadline:
                raise StackError(
                    "START_FAILED", f"Kafka did not answer within {START_TIMEOUT_S:.0f} s; see {self._root}."
                )
            await asyncio.sleep(LOOK_EVERY_S)

    async def _all_answer(self) -> bool:
        """Whether each wanted broker, asked itself, knows all of them."""
        return all([await _known_brokers(self._ports[broker]) >= self._wanted for broker in self._wanted])


async def _known_brokers(port: int) -> set[int]:
    """Return the ids of the brokers that the one on `port` names as alive; none while it does not answer."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)  # the Kafka client would log a refusal
        writer.close()
        servers = [f"{LOOPBACK}:{port}"]
        client: Any = AIOKafkaClient(bootstrap_servers=servers)
        try:
            await client.bootstrap()
            return {node.nodeId for node in client.cluster.brokers()}
        finally:
            await client.close()
    except (OSError, KafkaError, TimeoutError):
        return set()


def _uuid() -> str:
    """Return a random id in Kafka's notation: 16 bytes, URL-safe Base64 without padding, not starting with -."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    return f"W{text[1:]}" if text.startswith("-") else text
