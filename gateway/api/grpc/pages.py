"""What list calls of gRPC have in common: a limit, 100 where none is named."""

from gateway.errors import InvalidInput
from gateway.limits import DEFAULT_PAGE, MAX_PAGE


def page_limit(asked: int) -> int:
    """The limit of a page.

    Raises:
        InvalidInput: it is below 0 or above the most.
    """
    if not 0 <= asked <= MAX_PAGE:
        raise InvalidInput(f"The limit is not between 1 and {MAX_PAGE}.", field="limit")
    return asked or DEFAULT_PAGE
