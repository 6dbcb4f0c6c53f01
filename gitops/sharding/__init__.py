"""A stack divided into several: which Application is in which, and what moves between them."""
