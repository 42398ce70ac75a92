"""What a stock worker runs. In a file of its own: each of its forks imports it anew."""


def noop() -> None:
    """Do as little as the synthetic engine does."""
