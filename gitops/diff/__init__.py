"""In which fields does an object in the cluster differ from what Git says?

Called by whoever judges drift, with one object after another; nothing is asked of a cluster. What
Git does not mention is no difference, unless we applied it once and own it still.
"""

from gitops.diff.comparing import Difference, compare

__all__ = ["Difference", "compare"]
