"""The attacks, one a module, each with its threat model in the module's docstring."""
