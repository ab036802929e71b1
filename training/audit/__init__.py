"""The audit: attacks on a model as it is deployed, and what they found."""
