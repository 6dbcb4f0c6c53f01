"""Tells what the environment confirms, and declares nothing."""

import os

import pulumi

pulumi.log.warn(f"confirmed: {os.environ.get('HOME_OPS_CONFIRM')}")
