"""Measures of how far two distributions lie apart. Each is 0 for identical input, at least 0, finite, and never NaN.

They read what TFDV writes (histograms, quantiles, value counts), not the rows. TFDV's own drift comparator is not used:
it spreads the rows of a bucket of equal width evenly before it compares, so one far outlier reads as drift
(docs/decisions/06-drift-metrics-of-our-own.md).

  shares        divergences of two sets of shares, many at a time: what the others are made of
  numeric       of two columns of numbers
  categorical   of two columns of strings
"""
