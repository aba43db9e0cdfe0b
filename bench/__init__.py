"""The measurements: how near the product comes to the least work that gives the same answer.

`python -m bench` runs them all. Each compares the product with a reference measured in the same run, in turns, and says
whether the ratio keeps to its bound.
"""
