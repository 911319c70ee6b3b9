"""What a replica costs in gas, from its creation to a read, and what its anchor costs; on anvil, by the rules of Osaka.

``workload`` reads what is to be changed, ``source`` makes a source chain that exists only as proofs, ``hub`` makes the
hub's calls, ``target`` sends them and takes them apart, ``prices`` knows what no implementation can avoid, ``run`` puts
it together. ``anchors`` is about anchors, ``sealed`` has headers for some of them. ``page``, ``anchors_page`` and
``plots`` show the results, in the words of ``text``.
"""
