"""What is remembered of an Application in the cluster, beside its objects?"""
