"""How are the shards of a stack run, and how do Applications move between them?"""
