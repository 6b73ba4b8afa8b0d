"""What survives: a stack under load whose processes are killed, and the proof that nothing was lost or doubled."""
