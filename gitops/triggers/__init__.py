"""What asks for a pass before its time has come."""
