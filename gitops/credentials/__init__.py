"""Logging in with what Secrets hold."""
