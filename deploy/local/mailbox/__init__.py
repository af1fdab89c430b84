"""A mailbox for looking at what is sent: real SMTP in, chat webhooks in, pages and JSON out."""
