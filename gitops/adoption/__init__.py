"""What does it mean that an object which is in the cluster already becomes ours?

Called by ``gitops adopt``; pure. ``tracking`` says who manages an object now, ``fields`` which of
its fields go over to us, ``argo_applications`` which ArgoCD still syncs, ``plan`` puts it together,
``backup`` is the way back.
"""
