"""Real servers on loopback, each in a scratch folder of its own."""
