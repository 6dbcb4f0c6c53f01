"""When may an Application be synced?

Pure: every function gets the time from its caller.
"""
