"""The same events into Postgres by others: Kafka Connect with Debezium's JDBC sink, and Quix Streams."""
