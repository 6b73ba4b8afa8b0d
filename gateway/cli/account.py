"""Who runs a command, for the audit."""

import os
import pwd


def account() -> str:
    """The name of the operator's account, whatever the environment says, or its number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
