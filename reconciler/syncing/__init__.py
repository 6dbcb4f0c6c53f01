"""How do decided Applications become what Git says?"""
