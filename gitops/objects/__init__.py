"""What is a Kubernetes object, where does it belong, and whose is it?"""
