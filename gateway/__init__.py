"""Bytes through: the proxy, its journal and the shipper."""
