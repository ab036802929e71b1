"""Floor 2: what a model is (manifest, repository), its noise, and running it.

Everything here works without torch. Imports only from ``events``.
"""
