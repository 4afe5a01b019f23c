"""The board: hardware, kernel and loader wired together, and the one loop that runs them."""
