"""Third-party networks: the weights manifest, the local store, and one adapter a network.

Nothing here imports the rest of the project. Importing this package loads no
runtime and touches neither the store nor the network.
"""
