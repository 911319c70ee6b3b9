"""Many replicas kept in sync, unattended: what is configured, what each replica's owner wants, and what is due.

``configuration``, ``accounts`` and ``policy`` are what it starts from. They talk to nobody: file, environment and time
are arguments.
"""
