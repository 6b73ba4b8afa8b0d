"""Requests that leave the gateway for addresses that callers name: only where they may go."""
