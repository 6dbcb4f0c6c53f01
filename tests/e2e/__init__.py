"""The whole program, run as its users run it: real engine, real provider, real API server."""
