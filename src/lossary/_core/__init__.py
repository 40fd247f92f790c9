"""The machinery under every loss: which framework, which checks, how losses become one number."""
