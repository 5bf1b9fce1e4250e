"""The node's end of the stream to the gateway: connects, answers through a provider, publishes its outbox."""
