"""What creating, filling, syncing and reading a replica costs in gas, on anvil under the rules of Osaka.

``workload`` reads what is to be changed, ``source`` makes a source chain that exists only as proofs, ``hub`` makes the
hub's calls, ``target`` sends them and takes them apart, ``prices`` knows what no implementation can avoid, ``run`` puts
it together; ``page`` and ``plots`` show the results.
"""
