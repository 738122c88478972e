"""Series beside a point: germs in one infinitesimal for each group of variables, with exact coefficients."""
