"""The one exception for what a user can fix."""


class UserError(Exception):
    """Bad input or configuration: the message names the place and the way out, and no traceback is shown."""
