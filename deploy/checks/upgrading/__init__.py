"""Parts of the drill of an upgrade; see upgrade.py."""
