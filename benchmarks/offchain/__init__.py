"""How long our own work takes, and how much memory: tries, fill plans, witnesses, and a sync on loopback.

``inputs`` makes what is worked on, ``task`` does one piece of our work in a process of its own, ``py_trie`` and
``ethereumjs.mjs`` the same with other people's code, ``latency`` syncs between two real nodes, ``page`` tells of it.
"""
