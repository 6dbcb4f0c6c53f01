"""Tests that take minutes: what only happens sometimes, or after a long time."""
