"""What does one API server serve and hold?

Talks to a cluster over pooled HTTP: connection, discovery, LIST, get and delete. Called by the
composition root, the components and the reconciler; knows nothing of Pulumi. Importing it is cheap:
the HTTP client and the kubeconfig reader are loaded by the first ``connection.connect``.
"""
