"""What the product promises: pure decisions over plain values, the standard library alone, `now` an argument."""
