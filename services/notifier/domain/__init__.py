"""Rules of telling: pure, no await, no clock, no chance of their own."""
