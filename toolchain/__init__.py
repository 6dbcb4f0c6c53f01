"""Where do the programs come from that home-ops starts, and how does a shell find them?

``python3 -m toolchain install`` gets every tool and the virtual environment, ``python3 -m
toolchain env`` prints what a shell needs to use them. Nothing here imports another part of
home-ops or a package outside the standard library: this is what runs before they exist.

Other code uses ``toolchain.store`` (where things are) and ``toolchain.environment`` (what a
process must be told).
"""
