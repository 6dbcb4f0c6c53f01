"""What do the Applications, ApplicationSets and AppProjects of an ArgoCD repository say?

The parts of `gitops.argocd.repository`, which composition calls.
"""
