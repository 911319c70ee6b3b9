"""What is said where a package is missing that only the relayer needs, which is an extra for that reason."""

from __future__ import annotations

from smartsync.errors import ConfigError

_INSTALL = "in a checkout of SmartSync: pip install '.[relayer,postgresql]'"
"""Not by name alone: what an index has under it need not be this package."""


def package_missing(what: str, error: ModuleNotFoundError) -> ConfigError:
    """Return the error that names the package, and how it is installed."""
    return ConfigError(f"{what} needs the package {error.name}", hint=_INSTALL)
