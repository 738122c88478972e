"""The exact gradient check of torch code: the derivative of the forward program that ran against its backward program."""
