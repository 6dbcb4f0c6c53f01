"""What is the state of an Application, and why? Read by everything that shows or awaits a status.

Pure: ``cluster.live_status`` reads what these functions ask for, ``reconciler`` prints the result.
"""
