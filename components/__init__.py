"""Declares the target to Pulumi: bootstrap, ApplicationSets, Applications and their objects."""
