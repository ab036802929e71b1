"""The commands, one a file; the root module lists them."""
