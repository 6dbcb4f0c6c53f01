"""Which revisions are there, and where on this machine are their files?"""
