"""Speed, as ratios: ours and a floor take turns in one run; the median of the rounds counts."""
