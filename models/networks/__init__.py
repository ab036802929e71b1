"""The torch networks: anonymizer, re-identification, target task, denoiser.

The only part of ``models`` that needs torch; only ``training`` imports it. What the service
runs is their export to ONNX.
"""
