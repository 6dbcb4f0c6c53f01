"""How is the program run, and what came of it?

Runs the repository's Pulumi program by its folder, through the Automation API, and prints what it
did. It never imports the components.
"""
