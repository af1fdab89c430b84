"""Quix Streams from Kafka into the table `flat`, until terminated; run by the Python of its own environment."""

import os

from quixstreams import Application
from quixstreams.sinks.community.postgresql import PostgreSQLSink


def main() -> None:
    """Consume QUIX_TOPIC as group QUIX_GROUP into Postgres (PGHOST …); a checkpoint every QUIX_BATCH records."""
    application = Application(
        broker_address=os.environ["QUIX_BROKERS"],
        consumer_group=os.environ["QUIX_GROUP"],
        auto_offset_reset="earliest",
        commit_every=int(os.environ["QUIX_BATCH"]),
        commit_interval=1.0,
        loglevel="WARNING",
    )
    sink = PostgreSQLSink(
        host=os.environ["PGHOST"],
        port=int(os.environ["PGPORT"]),
        dbname=os.environ["PGDATABASE"],
        user=os.environ["PGUSER"],
        password=os.environ["PGPASSWORD"],
        table_name="flat",
        schema_auto_update=False,
        primary_key_columns=["employee", "id"],
        upsert_on_primary_key=True,
        include_metadata=False,
    )
    application.dataframe(application.topic(os.environ["QUIX_TOPIC"], value_deserializer="json")).sink(sink)
    application.run()


if __name__ == "__main__":
    main()
