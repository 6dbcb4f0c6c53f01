"""How does a forge's delivery become a pass?"""
