"""Codes that a windows WebSocket closes with: RFC 6455's, and from 4000 on this service's own."""

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
UNAUTHORIZED = 4401
NO_SUCH_CAMERA = 4404
REMOVED = 4410
