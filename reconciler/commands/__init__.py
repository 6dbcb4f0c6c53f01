"""What can be typed after ``gitops``? One module for each command, and what they share."""
