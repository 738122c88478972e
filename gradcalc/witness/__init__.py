"""The three witnesses, which share nothing but the tree: sympy in symbols, torch in numbers, Taylor arithmetic in balls."""
