"""Attacks on a running `onsale dev`; see run.py."""
