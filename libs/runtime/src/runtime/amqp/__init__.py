"""RabbitMQ through aio-pika: plain connections, each loss answered with a fresh session (docs/adr/0003)."""
