"""Working copies, as the end-to-end tests have them."""

from tests.e2e.conftest import checkout, new_checkout

__all__ = ["checkout", "new_checkout"]
