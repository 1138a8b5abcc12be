"""The fast transport: HTTP/1.1 over `asyncio.BufferedProtocol`, with connections that are kept.

From the outside in: `fast` sends for an endpoint, `face` is the same pool as an `httpx.AsyncBaseTransport`, `pool`
keeps connections, `connect` makes them, `connection` speaks on one, `answer` is what a caller reads.
"""
