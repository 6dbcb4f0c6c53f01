"""How does what a command found look?"""
