"""Recordings of people who consented, encrypted at rest, for the audit."""
