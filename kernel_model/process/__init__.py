"""How processes end, what they leave, and the futexes that notice."""
