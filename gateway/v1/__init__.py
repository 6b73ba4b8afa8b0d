"""Generated from protos/gateway/v1: never edited."""
