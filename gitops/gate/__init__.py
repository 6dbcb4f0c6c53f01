"""What must be confirmed before it is deleted?"""
