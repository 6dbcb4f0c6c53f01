"""What is one pass? Its steps, what ends it early, and the report it ends with."""
